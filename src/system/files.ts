/**
 * Replacing a file that must not be lost: lock, read, edit, temporary file in the same directory,
 * fsync, compare that the original did not change, rename, fsync the directory. At any instant the
 * file is the old one or the new one.
 *
 * Not kept: ACLs, extended attributes, and further hard links of the file (they stay with the old
 * content). What cannot be closed without a lock that others obey: a program that knows nothing of
 * pysync's lock and writes in the microseconds between the comparison and the rename is lost.
 */
import { open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, PysyncError } from '../errors.js';
import { fileFailure } from './failures.js';
import { withLock } from './locks.js';
import {
  isFull,
  sweepTemporaries,
  temporaryOf,
  writeReserve,
  writeTemporary,
} from './replacement.js';
import type { WriteTemporary } from './replacement.js';
import { followLinks, takeSnapshot } from './snapshot.js';
import type { Snapshot } from './snapshot.js';
import { printable } from './text.js';

/** Makes the new content, or undefined to leave the file alone. Called again if the file changed. */
export type Edit = (content: Buffer | undefined) => Buffer | undefined;

export interface ReplaceOptions {
  /** Permission bits of a file that is created; default 0600. An existing file keeps its own. */
  readonly mode?: number;
  /** Milliseconds to wait for another pysync that edits the same file. */
  readonly waitMs?: number;
  /** Where room was set aside (reserve.ts), for a disk that is full. */
  readonly reserve?: string;
}

/**
 * Edits the file at `path`, and says whether it was written: content that comes out as it was is
 * not. Of a symbolic link the target is replaced (and created, where it is missing). Mode and
 * owner are kept; a file that root creates belongs to the owner of its directory.
 *
 * Throws PysyncError, with the original untouched, if the file is no regular file or cannot be
 * read, written or given its owner; what `edit` throws comes through.
 */
export async function replaceFile(
  path: string,
  edit: Edit,
  options: ReplaceOptions = {},
): Promise<{ readonly written: boolean }> {
  try {
    const target = followLinks(path);
    const lock = join(dirname(target), `.${basename(target)}.pysync-lock`);
    const body = (): Promise<boolean> => replaceLocked(target, edit, options.mode ?? 0o600);
    const { reserve } = options;
    if (reserve === undefined) return { written: await withLock(lock, body, options) };
    try {
      return { written: await withLock(lock, body, options) };
    } catch (error) {
      if (!isFull(error)) throw error;
      // Nobody who lives holds the lock: then making it would have failed by that. Who else finds no
      // room for one does not get the reserve, which is one.
      const write = writeReserve(reserve, target, error);
      return { written: await replace(target, edit, options.mode ?? 0o600, write) };
    }
  } catch (error) {
    throw fileFailure(error, `write ${printable(path)}`);
  }
}

async function replaceLocked(target: string, edit: Edit, newMode: number): Promise<boolean> {
  await sweepTemporaries(target);
  return replace(target, edit, newMode, writeTemporary);
}

async function replace(
  target: string,
  edit: Edit,
  newMode: number,
  write: WriteTemporary,
): Promise<boolean> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const before = takeSnapshot(target);
    const content = edit(before?.content);
    if (content === undefined || before?.content.equals(content) === true) return false;
    const temporary = temporaryOf(target);
    try {
      await write(temporary, content, before?.stats, newMode);
      if (isSame(before, takeSnapshot(target))) {
        await rename(temporary, target);
        await syncDirectory(dirname(target));
        return true;
      }
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      // On a full disk another pysync may have swept it up, see writeReserve.
      if (write === writeTemporary || errnoOf(error) !== 'ENOENT') throw error;
    }
    await unlink(temporary).catch(() => undefined);
  }
  throw new PysyncError('FILE_KEEPS_CHANGING', `${printable(target)} keeps changing`, {
    hints: ['find out which other program writes it, then run the command again'],
  });
}

function isSame(before: Snapshot | undefined, now: Snapshot | undefined): boolean {
  if (before === undefined || now === undefined) return before === now;
  const [a, b] = [before.stats, now.stats];
  const sameFile = a.dev === b.dev && a.ino === b.ino;
  const sameRights = a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
  return sameFile && sameRights && before.content.equals(now.content);
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some file systems have no such thing as syncing a directory.
    if (errnoOf(error) !== 'EINVAL' && errnoOf(error) !== 'ENOTSUP') throw error;
  } finally {
    await handle.close();
  }
}
