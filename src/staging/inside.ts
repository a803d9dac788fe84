/**
 * Walking a folder that peers write in, without following a link: each folder is opened in the one
 * above it and refused where it is none, so what was looked at is what is used, whatever is renamed
 * meanwhile (openat(2), O_NOFOLLOW).
 *
 * Node has no openat. On Linux a path that starts with /proc/self/fd/N does the same; elsewhere, as
 * on macOS, the folder's own path is all there is. Names are bytes: they need not be UTF-8.
 */
import {
  accessSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
} from 'node:fs';
import type { Stats } from 'node:fs';

export interface Folder {
  readonly descriptor: number;
  readonly path: string;
}

export type Name = string | Buffer;

const openFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Opens the folder at `path`, whose last part must not be a link. */
export function openTop(path: string): Folder {
  return { descriptor: openSync(path, openFlags), path };
}

/** The folder `name` in `folder`; throws ENOTDIR, ELOOP or ENOENT where it is none. */
export function openIn(folder: Folder, name: Name): Folder {
  return {
    descriptor: openSync(at(folder, name), openFlags),
    path: `${folder.path}/${name.toString()}`,
  };
}

export function closeFolder({ descriptor }: Folder): void {
  closeSync(descriptor);
}

/** What a file system call has to be given to mean `name` in `folder`. */
export function at(folder: Folder, name: Name): Buffer {
  const parent = process.platform === 'linux' ? `/proc/self/fd/${folder.descriptor}` : folder.path;
  return Buffer.concat([Buffer.from(`${parent}/`), Buffer.from(name)]);
}

/** The names in a folder, as bytes. */
export function namesIn(folder: Folder): Buffer[] {
  return readdirSync(at(folder, '.'), { encoding: 'buffer' });
}

/** What `name` in `folder` is; undefined where there is nothing. */
export function look(folder: Folder, name: Name): Stats | undefined {
  return lstatSync(at(folder, name), { throwIfNoEntry: false });
}

/** Whether this account may look into the folder `name`. */
export function canEnter(folder: Folder, name: Name): boolean {
  try {
    accessSync(at(folder, name), constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Makes the folder `name`; false where something is there already. */
export function makeIn(folder: Folder, name: Name, mode: number): boolean {
  try {
    mkdirSync(at(folder, name), mode);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Runs `body` on the folder at these parts below `top`, each of which must be a folder. */
export function inFolder<T>(top: Folder, parts: readonly Name[], body: (folder: Folder) => T): T {
  const [first, ...rest] = parts;
  if (first === undefined) return body(top);
  const folder = openIn(top, first);
  try {
    return inFolder(folder, rest, body);
  } finally {
    closeFolder(folder);
  }
}

/** The `code` of a system call's error: `ENOENT`, … */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
