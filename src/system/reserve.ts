/**
 * Room on the disk that is set aside, so that keys can be revoked on a full one: a peer who has
 * filled the disk, its bytes or its inodes, must not be safe there.
 *
 * It is a file of ours with its blocks written. What has to be saved is written into that very file,
 * under the name of a temporary one, which then takes the place of the old file as always: by
 * rename, at one instant. Freeing it first would lose the race against a peer who is still sending.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../errors.js';
import { fileFailure } from './failures.js';
import { dataFolder } from './folders.js';

/** Bytes that there is room for at least. */
const least = 64 * 1024;

export function reservePath(): string {
  return join(dataFolder(), 'reserve');
}

/** Sees to it that `bytes` can be saved on a full disk. Throws PysyncError `FILE_FAILED`. */
export function keepReserve(bytes: number): void {
  const path = reservePath();
  const size = Math.max(least, Math.ceil(bytes / 4096) * 4096);
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there?.isFile() === true && there.size >= size) return;
  // Not written in place: by the time of the write it may be another file that has taken it over.
  const made = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    sweep(path);
    writeRandom(made, size);
    renameSync(made, path);
  } catch (error) {
    rmSync(made, { force: true });
    throw fileFailure(error, 'set room aside on the disk for revoking keys');
  }
}

/** What one that was killed has left; another's that is just being made fails, and is not missed. */
function sweep(path: string): void {
  for (const name of readdirSync(dirname(path))) {
    if (/^reserve\.[0-9a-f]{16}$/.test(name)) rmSync(join(dirname(path), name), { force: true });
  }
}

/** Random, for a file system that compresses. */
function writeRandom(path: string, size: number): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    for (let left = size; left > 0;)
      left -= writeSync(descriptor, randomBytes(Math.min(left, least)));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Gives the reserve the name `path`, on the same file system, and opens it; whoever gets it has it
 * alone. Undefined where there is none, or none for `bytes`.
 */
export async function takeReserve(
  reserve: string,
  path: string,
  bytes: number,
): Promise<FileHandle | undefined> {
  try {
    await rename(reserve, path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EXDEV') return undefined;
    throw error;
  }
  const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  const stats = await handle.stat();
  // What has a second name may be in use under it.
  if (stats.isFile() && stats.nlink === 1 && stats.size >= bytes) return handle;
  await handle.close();
  await unlink(path);
  return undefined;
}
