/** What can be read, and nothing where it cannot: for looking around, not for what must be there. */
import { readFileSync, readdirSync } from 'node:fs';

/** The lines of a text file. */
export function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** The names in a folder. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
