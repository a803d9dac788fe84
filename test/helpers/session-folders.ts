/** What transfers keep in a share that is not one of its files yet: see src/staging/folder.ts. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The paths of the files that are there: arriving (`tmp`), or left for a rerun (`parts`). */
export function unfinishedFiles(share: string, kind: 'tmp' | 'parts'): string[] {
  const own = join(share, '.pysync');
  if (!existsSync(own)) return [];
  return readdirSync(own).flatMap((name) => {
    const folder = join(own, name, kind);
    return existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : [];
  });
}

/** How much of a file has come, in bytes; 0 where none of it is there. */
export function unfinishedBytes(share: string): number {
  return Math.max(
    0,
    ...(['tmp', 'parts'] as const)
      .flatMap((kind) => unfinishedFiles(share, kind))
      .map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0),
  );
}

/** The destinations of the pushes that run, as their logs name them. */
export function runningPlaces(home: string): string[] {
  const folder = join(home, '.local/state/pysync/running');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .flatMap((text) => /"place":"([^"]*)"/.exec(text)?.[1] ?? []);
}
