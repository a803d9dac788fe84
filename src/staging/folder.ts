/**
 * A transfer's own folder in the share: `.pysync/RANDOM`, in which all lies that is not a file of
 * the share yet or no longer. It has to be on the share's own mount, since what is whole gets its
 * place by rename(2).
 *
 * - `tmp`: files that are arriving. `parts`: parts of files, kept for the rerun. `old`: replaced files
 *   on their way to where the client wants its backups.
 * - `share`: what a key that may only send sees in place of the share.
 * - `folders`: the ACLs and attributes of the folders that were there.
 *
 * SECURITY: no client can name, list or fetch it: the gate refuses `.pysync` in places, a fetch is
 * shown an empty folder there, and RANDOM cannot be guessed (test/attacks/session-folder.test.ts).
 */
import { renameSync, rmdirSync, rmSync } from 'node:fs';
import {
  at,
  closeFolder,
  codeOf,
  inFolder,
  look,
  makeIn,
  namesIn,
  openIn,
  openTop,
} from './inside.js';
import type { Folder } from './inside.js';
import { ownFolder, partsOf } from '../gate/paths.js';

const kinds = ['tmp', 'parts', 'old'] as const;

/** What is in it for the share: a key that may only send sees nothing else. */
export const stagedShare = 'share';

/** A file in it, made by session/enter-destination.sh. */
export const wholeMark = 'whole';

/**
 * Makes the folder `name` in the own folder below `place`, a path in the share, and in it these paths
 * as well, each after the one above it.
 */
export function makeSessionFolder(
  share: string,
  place: string,
  name: string,
  more: readonly (readonly string[])[],
): void {
  inShareFolder(share, place, (parent) => {
    for (;;) {
      try {
        const container = openContainer(parent);
        try {
          makeIn(container, name, 0o700);
          inFolder(container, [name], (folder) => {
            for (const kind of kinds) makeIn(folder, kind, 0o700);
            for (const path of more) {
              inFolder(folder, path.slice(0, -1), (above) =>
                makeIn(above, path.at(-1) ?? '.', 0o755),
              );
            }
          });
          return;
        } finally {
          closeFolder(container);
        }
      } catch (error) {
        // Another session took the empty container away in this moment.
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    }
  });
}

function openContainer(parent: Folder): Folder {
  if (!makeIn(parent, ownFolder, 0o700) && look(parent, ownFolder)?.isDirectory() === false) {
    // The name is pysync's. What has it and is not a folder goes out of the way, and is not lost.
    renameSync(at(parent, ownFolder), at(parent, `${ownFolder}-${Date.now()}`));
    makeIn(parent, ownFolder, 0o700);
  }
  return openIn(parent, ownFolder);
}

/** The folders of sessions at the share's top, with the time of their last change. */
export function namesOfSessionFolders(share: string): { folder: string; time: Date }[] {
  if (!isOwnFolder(share, ownFolder)) return [];
  return inShareFolder(share, ownFolder, (container) =>
    namesIn(container).flatMap((name) => {
      // Only what has a name as sessions give it; a time that a client can have set is none.
      const stats = /^[0-9a-f]{32}$/.test(name.toString()) ? look(container, name) : undefined;
      return stats === undefined
        ? []
        : [{ folder: `${ownFolder}/${name.toString()}`, time: stats.ctime }];
    }),
  );
}

/** Bytes on the disk of all that is in the session's folder at this path in the share. */
export function sizeOfFolder(share: string, path: string): number {
  return isOwnFolder(share, path) ? inShareFolder(share, path, sizeOf) : 0;
}

function sizeOf(folder: Folder): number {
  return namesIn(folder).reduce((total, name) => {
    const stats = look(folder, name);
    if (stats?.isDirectory() === true) return total + inFolder(folder, [name], sizeOf);
    return total + (stats?.blocks ?? 0) * 512;
  }, 0);
}

/** Whether this path in the share is a folder of pysync's, and not something of that name. */
export function isOwnFolder(share: string, path: string): boolean {
  try {
    return inShareFolder(share, path, () => true);
  } catch {
    return false;
  }
}

/** Runs `body` on the folder at `place` in the share; no part of the path may be a link. */
export function inShareFolder<T>(share: string, place: string, body: (folder: Folder) => T): T {
  const top = openTop(share);
  try {
    return inFolder(top, partsOf(place), body);
  } finally {
    closeFolder(top);
  }
}

/** Removes the session's folder at this path in the share with all that is in it. */
export function removeSessionFolder(share: string, folder: string): void {
  const parts = partsOf(folder);
  const name = parts.pop() ?? '';
  const container = parts.pop() ?? '';
  if (container !== ownFolder) throw new Error('not a folder of a session');
  try {
    inShareFolder(share, parts.join('/'), (parent) => {
      inFolder(parent, [container], (within) => {
        rmSync(at(within, name), { recursive: true, force: true });
      });
      rmdirSync(at(parent, container));
    });
  } catch (error) {
    // Another session still has its folder there, or all of it is gone already.
    if (!['ENOTEMPTY', 'ENOENT', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
  }
}
