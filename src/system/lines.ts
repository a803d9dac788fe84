import { readFileSync } from 'node:fs';

/** The lines of a text file; none where it cannot be read. */
export function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
