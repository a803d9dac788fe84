/**
 * The temporary file that takes the place of another one (files.ts): written in full, with its owner
 * and mode, before it does.
 */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, open, readdir, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, PysyncError } from '../errors.js';
import { takeReserve } from './reserve.js';

/** Writes a temporary file, which must not exist, with the owner and mode of `model` if there is one. */
export type WriteTemporary = (
  path: string,
  content: Buffer,
  model: Stats | undefined,
  newMode: number,
) => Promise<void>;

export async function writeTemporary(
  path: string,
  content: Buffer,
  model: Stats | undefined,
  newMode: number,
): Promise<void> {
  // SECURITY: exclusive and 0600, and given away before it holds anything, so that nobody has read
  // or linked it by then.
  const handle = await open(path, 'wx', 0o600);
  try {
    await setOwnerAndMode(handle, path, model, newMode);
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes into the room that was set aside; throws `full` where there is none, nor any that is left. */
export function writeReserve(reserve: string, target: string, full: unknown): WriteTemporary {
  return async (path, content, model, newMode) => {
    const handle = await takeReserve(reserve, path, content.length);
    if (handle === undefined) {
      // One that was killed may have taken it, and left it as its temporary file.
      await sweepTemporaries(target);
      await writeTemporary(path, content, model, newMode).catch((error: unknown) => {
        throw isFull(error) ? full : error;
      });
      return;
    }
    try {
      await setOwnerAndMode(handle, path, model, newMode);
      await handle.writeFile(content);
      await handle.truncate(content.length);
      await handle.sync();
    } catch (error) {
      if (!isFull(error)) throw error;
      // Where nothing is overwritten in place, as by btrfs, letting go of it makes room.
      await unlink(path);
      await writeTemporary(path, content, model, newMode);
    } finally {
      await handle.close();
    }
  };
}

/** Whether there was no room for something, bytes or inodes. */
export function isFull(error: unknown): boolean {
  const errno = errnoOf(error instanceof PysyncError ? error.cause : error);
  return errno === 'ENOSPC' || errno === 'EDQUOT';
}

async function setOwnerAndMode(
  handle: FileHandle,
  path: string,
  model: Stats | undefined,
  newMode: number,
): Promise<void> {
  const made = await handle.stat();
  const isRoot = process.geteuid?.() === 0;
  const owner = model ?? (isRoot ? await lstat(dirname(path)) : made);
  let mode = (model?.mode ?? newMode) & 0o7777;
  if (made.uid !== owner.uid || made.gid !== owner.gid) {
    try {
      await handle.chown(owner.uid, owner.gid);
    } catch (error) {
      if (made.uid !== owner.uid) {
        throw new PysyncError(
          'FILE_OWNER',
          `the file to be replaced belongs to user ${owner.uid}`,
          {
            hints: ['run the command as that user'],
            cause: error,
          },
        );
      }
      // A group its owner is not in: the new group may do no more than anybody may.
      mode = (mode & 0o707) | ((mode & 0o007) << 3);
    }
  }
  await handle.chmod(mode);
}

/** A name beside `target` that no other file has. */
export function temporaryOf(target: string): string {
  return nameFor(target, randomBytes(8).toString('hex'));
}

function nameFor(target: string, random: string): string {
  return join(dirname(target), `.${basename(target)}.pysync-${random}.tmp`);
}

/** Removes what crashed runs left. We hold the lock, so no temporary of this file is in use. */
export async function sweepTemporaries(target: string): Promise<void> {
  const names = new Set(await readdir(dirname(target)));
  for (const name of names) {
    const random = /\.pysync-([0-9a-f]{16})\.tmp$/.exec(name)?.[1];
    if (random === undefined || basename(nameFor(target, random)) !== name) continue;
    await unlink(join(dirname(target), name)).catch(() => undefined);
  }
}
