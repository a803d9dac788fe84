/**
 * Room on the host's disk, taken before it is used. With an image that has holes, a host that fills
 * up makes writes fail that the volume's own file system has long called done: a kernel mount lost
 * every file rsync had written, and qemu stops for good.
 */
import { existsSync, rmSync, statSync } from 'node:fs';
import { open, statfs, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, PysyncError } from '../errors.js';
import { fileFailure } from '../system/failures.js';
import { stopIfInterrupted } from '../system/interrupt.js';
import { run } from '../system/run.js';
import type { RunOptions } from '../system/run.js';
import { formatSize } from '../system/sizes.js';
import { printable } from '../system/text.js';
import { runOnImage } from './image-lock.js';
import { lockOf } from './volume.js';

const chunkSize = 4 * 2 ** 20;

/**
 * Bytes that an ordinary user may still write to the file system that holds `path` or would;
 * Infinity where it does not say.
 */
export async function freeOnHost(path: string): Promise<number> {
  try {
    const { blocks, bavail, bsize } = await statfs(existsSync(path) ? path : dirname(path));
    // Some file systems in memory or over a network do not count.
    return blocks === 0 ? Infinity : bavail * bsize;
  } catch (error) {
    throw fileFailure(error, `see how much room there is for ${printable(path)}`);
  }
}

/** Throws PysyncError `DISK_FULL` where the host has no room for an image of `size` at `path`. */
export async function requireRoom(path: string, size: number): Promise<void> {
  const stats = statSync(path, { throwIfNoEntry: false });
  const need = size - (stats === undefined ? 0 : stats.blocks * 512);
  const free = await freeOnHost(path);
  if (need > free) throw diskFull(path, need, free);
}

/**
 * Gives the file at `path`, new or shorter, `size` bytes that have their blocks on the disk and
 * read as zeros. What it held stays.
 *
 * Throws PysyncError `DISK_FULL`; a new file is then gone, and another has the size it had.
 */
export async function preallocate(
  path: string,
  size: number,
  onProgress: (what: string) => void = () => undefined,
): Promise<void> {
  const before = statSync(path, { throwIfNoEntry: false })?.size;
  await requireRoom(path, size);
  try {
    if (!(await allocate(path, before ?? 0, size)))
      await writeZeros(path, before ?? 0, size, onProgress);
  } catch (error) {
    if (before === undefined) rmSync(path, { force: true });
    else await truncate(path, before);
    throw fileFailure(error, `take ${formatSize(size)} of the disk`);
  }
}

/** fallocate(2); false where the host's file system does not have it. */
async function allocate(path: string, before: number, size: number): Promise<boolean> {
  const words = ['--length', String(size), path];
  const options: RunOptions = {
    purpose: 'take room on the disk',
    timeoutMs: 600_000,
    expectExit: [0, 1],
    // A new image is of no use to anybody then.
    endsWithPysync: before === 0,
  };
  // What only gets its holes filled may be mounted; an image that was ever in use has its lock.
  const grows = before > 0 && size > before && existsSync(lockOf(path));
  const { exitCode, stderr } = grows
    ? await runOnImage(path, 'fallocate', words, options)
    : await run('fallocate', words, options);
  if (exitCode === 0) return true;
  if (/not supported/i.test(stderr)) return false;
  const free = await freeOnHost(path);
  if (/No space left|quota exceeded/i.test(stderr)) throw diskFull(path, size, free);
  if (/File too large/i.test(stderr)) throw fileTooLarge(size);
  throw new PysyncError('DISK_FAILED', `could not take ${formatSize(size)} of the disk`, {
    cause: stderr,
  });
}

async function writeZeros(
  path: string,
  from: number,
  size: number,
  onProgress: (what: string) => void,
): Promise<void> {
  const zeros = Buffer.alloc(chunkSize);
  const handle = await open(path, from === 0 ? 'w' : 'r+', 0o600);
  try {
    for (let at = from; at < size;) {
      stopIfInterrupted();
      at += (await handle.write(zeros, 0, Math.min(chunkSize, size - at), at)).bytesWritten;
      onProgress(`taking room on the disk, ${Math.floor((at / size) * 100)} %`);
    }
    await handle.sync();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EFBIG') throw fileTooLarge(size);
    if (errno !== 'ENOSPC' && errno !== 'EDQUOT') throw error;
    throw diskFull(path, size, await freeOnHost(path));
  } finally {
    await handle.close();
  }
}

function diskFull(path: string, need: number, free: number): PysyncError {
  const sentence = `the disk has no room for this: ${formatSize(need)} needed, ${formatSize(free)} free`;
  return new PysyncError('DISK_FULL', sentence, {
    hints: [
      'ask for less, or free some space',
      `the disk is the one that holds ${printable(dirname(path))}`,
    ],
  });
}

function fileTooLarge(size: number): PysyncError {
  return new PysyncError('DISK_FULL', `this disk takes no file of ${formatSize(size)}`, {
    hints: ['ask for less, or name a folder on another disk with --image-dir'],
  });
}
