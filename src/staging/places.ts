/**
 * Looks at the places of a request in the share itself, following no link: what may be deleted in
 * has to be a folder below the top, and what is written in place must have no second name.
 */
import { fstatSync, realpathSync, statSync } from 'node:fs';
import type { Decision } from '../gate/decide.js';
import { canEnter, codeOf, inFolder, look, makeIn, namesIn, openTop } from './inside.js';
import type { Folder } from './inside.js';
import { ownFolder, partsOf } from '../gate/paths.js';
import { Refusal } from '../gate/refusal.js';
import { inShareFolder } from './folder.js';

export interface Writable {
  /** A path in the share. */
  readonly path: string;
  /** `device:inode`, by which the launcher sees that it has opened this one. */
  readonly identity: string;
}

/**
 * The one folder that what deletes may write in. Of a push the destination is made where it is
 * missing, so that it cannot become a link before rsync makes it.
 */
export function writableFolder(share: string, decision: Decision): Writable | undefined {
  const { writes, places, direction, makesPath } = decision;
  if (writes.kind !== 'folder') return undefined;
  const top = openTop(share);
  if (direction === 'push') makeFolders(top, partsOf(places[0]?.path ?? '.'), makesPath);
  const path = partsOf(writes.path);
  const parent = path.slice(0, -1);
  const last = inside(top, parent, (folder) => look(folder, path.at(-1) ?? '.'));
  if (last?.isSymbolicLink() === true) throw isLink(writes.path);
  // A file that is fetched and removed: the folder that it is in.
  const found = last?.isDirectory() === true ? path : parent;
  if (found.length === 0) {
    throw new Refusal('nothing at the top of the share is removed, which others use too', [
      'fetch from a folder, as in HOST:backup/',
    ]);
  }
  return inside(top, found, (folder) => {
    const { dev, ino } = fstatSync(folder.descriptor);
    return { path: found.join('/'), identity: `${dev}:${ino}` };
  });
}

function makeFolders(top: Folder, path: readonly string[], makesPath: boolean): void {
  path.forEach((name, i) => {
    if (!makesPath && i < path.length - 1) return;
    inside(top, path.slice(0, i), (folder) => makeIn(folder, name, 0o777));
  });
}

function inside<T>(top: Folder, path: readonly string[], body: (folder: Folder) => T): T {
  try {
    return inFolder(top, path, body);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      throw new Refusal(`there is no folder '${path.join('/')}'`, ['--mkpath makes it']);
    }
    if (codeOf(error) === 'ENOTDIR' || codeOf(error) === 'ELOOP') throw isLink(path.join('/'));
    throw error;
  }
}

function isLink(path: string): Refusal {
  return new Refusal(`'${path}' is a link or a file, and nothing can be deleted through it`, [
    'name the folder itself',
  ]);
}

/**
 * SECURITY: writing into a file that has a second name changes the file of that name too, which
 * another may have sent (test/attacks/in-place.test.ts).
 */
export function refuseSecondNames(share: string, place: string): void {
  const entered = enteredFolder(share, place);
  inShareFolder(share, entered, (folder) => {
    const name = partsOf(place).at(-1);
    const file = entered === partsOf(place).join('/') || name === undefined ? undefined : name;
    // A destination that is not a folder is one file, or nothing yet.
    if (file !== undefined && look(folder, file)?.isDirectory() !== true) {
      if ((look(folder, file)?.nlink ?? 1) > 1) throw secondName(file);
      return;
    }
    refuseBelow(folder, '');
  });
}

/** The folder that rsync enters for this place, behind all links: a path in the share. */
export function enteredFolder(share: string, place: string): string {
  for (let path = place; ; path = path.slice(0, path.lastIndexOf('/'))) {
    try {
      const real = realpathSync(`${share}/${path}`);
      if (real === share) return '';
      const isFolder = statSync(real).isDirectory();
      if (isFolder && real.startsWith(`${share}/`)) return real.slice(share.length + 1);
    } catch {
      // A single file's own name, or not a folder: the one above it.
    }
    if (!path.includes('/')) return '';
  }
}

function refuseBelow(folder: Folder, path: string): void {
  for (const name of namesIn(folder)) {
    const stats = look(folder, name);
    const shown = `${path}${name.toString()}`;
    if (stats?.isFile() === true && stats.nlink > 1) throw secondName(shown);
    if (stats?.isDirectory() !== true || name.toString() === ownFolder) continue;
    if (!canEnter(folder, name)) continue;
    inFolder(folder, [name], (below) => {
      refuseBelow(below, `${shown}/`);
    });
  }
}

function secondName(path: string): Refusal {
  return new Refusal(`'${path}' has a second name (a hard link), which would change with it`, [
    'leave out --inplace and --append',
  ]);
}
