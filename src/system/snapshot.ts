/**
 * A file as it is now, behind all symbolic links: what is read, and what is replaced (files.ts). All of
 * it is done at once: by way of Node's threads each step takes longer than the whole here.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf, PysyncError } from '../errors.js';
import { fileFailure } from './failures.js';
import { printable } from './text.js';

export interface Snapshot {
  readonly content: Buffer;
  readonly stats: Stats;
}

/** The content of the regular file at `path`; undefined where it or its directory is missing. */
export function readIfThere(path: string): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    resolve(readNow(path));
  });
}

function readNow(path: string): Buffer | undefined {
  try {
    return takeSnapshot(followLinks(path))?.content;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileFailure(error, `read ${printable(path)}`);
  }
}

/** Undefined where there is none; throws where it is no regular file. */
export function takeSnapshot(path: string): Snapshot | undefined {
  let descriptor: number;
  try {
    // Not blocking: opening a fifo would wait for its other end.
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    descriptor = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stats = fstatSync(descriptor);
    requireRegular(path, stats);
    return { content: readFileSync(descriptor), stats };
  } finally {
    closeSync(descriptor);
  }
}

function requireRegular(path: string, stats: Stats): void {
  if (stats.isFile()) return;
  throw new PysyncError('FILE_NOT_REGULAR', `${printable(path)} is not a regular file`, {
    hints: [stats.isDirectory() ? 'it is a directory' : 'move it away, then run the command again'],
  });
}

/**
 * The path behind all symbolic links, whether or not a file is there.
 *
 * realpath(3) would not do: it fails on a link whose target is missing.
 */
export function followLinks(path: string): string {
  let at = path;
  let linkOwner = 0;
  for (let links = 0; links < 40; links += 1) {
    const directory = realpathSync.native(dirname(at));
    const real = join(directory, basename(at));
    const stats = lstatSync(real, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink() !== true) {
      if (stats !== undefined) requireRegular(real, stats);
      const owner = (stats ?? lstatSync(directory)).uid;
      // SECURITY: root must not be led by a user's link to a file that is not that user's.
      // test/integration/system/files.test.ts holds this.
      if (process.geteuid?.() === 0 && linkOwner !== 0 && owner !== linkOwner) {
        throw new PysyncError(
          'FILE_LINK_OWNER',
          `${printable(path)} is a symbolic link to what belongs to another user`,
        );
      }
      return real;
    }
    if (stats.uid !== 0) linkOwner = stats.uid;
    const text = readlinkSync(real);
    // Joined as text: `..` after a link means the parent of where the link leads.
    at = text.startsWith('/') ? text : `${directory}/${text}`;
  }
  throw Object.assign(new Error('too many symbolic links'), { code: 'ELOOP' });
}
