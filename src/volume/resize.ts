/** Growing a volume in place, and shrinking it by building a smaller one beside it. */
import { renameSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { PysyncError } from '../errors.js';
import { writeShareRecord } from '../share/registry.js';
import type { ShareRecord } from '../share/registry.js';
import { withLock } from '../system/locks.js';
import { formatSize } from '../system/sizes.js';
import { fillNewImage } from './create.js';
import type { CreateOptions, Created } from './create.js';
import { createImage } from './engines/index.js';
import { checkAndRepair, growFileSystem, preallocate } from './ext4.js';
import { minimumSize } from './layout.js';
import { mountNow, unmountNow } from './mounting.js';
import { recover } from './recover.js';
import { waitForTransfers } from './transfers.js';
import { undoableOn } from './undoable.js';
import { volumeOf } from './volume.js';

/**
 * Gives the capped share of `record` the size `size`. Where that fails the volume keeps the one it
 * had. Throws PysyncError `SHARE_IN_USE`, `DISK_FULL`, `SIZE_TOO_SMALL`.
 */
export async function resizeVolume(
  record: ShareRecord,
  size: number,
  options: CreateOptions,
): Promise<Created> {
  const { operationLock } = volumeOf(record.path, record.volume);
  return undoableOn(record.path, () =>
    withLock(operationLock, async () => {
      const notes: string[] = [];
      const current = await recover(record.path, notes);
      if (current === undefined) throw new PysyncError('NOT_CAPPED', `${record.path} has no cap`);
      const step = size > current.volume.size ? grow : shrink;
      return step(current, size, options, notes);
    }),
  );
}

async function grow(
  record: ShareRecord,
  size: number,
  options: CreateOptions,
  notes: string[],
): Promise<Created> {
  const volume = volumeOf(record.path, record.volume);
  await unmountNow(volume, options.waitMs);
  await writeShareRecord(record.path, { ...record, pending: { step: 'grow', size } });
  try {
    options.onProgress('growing');
    await checkAndRepair(volume.image);
    await preallocate(volume.image, size);
    await growFileSystem(volume.image);
  } catch (error) {
    await reopen(record, notes);
    throw error;
  }
  return commit(record, size, notes);
}

async function shrink(
  record: ShareRecord,
  size: number,
  options: CreateOptions,
  notes: string[],
): Promise<Created> {
  const volume = volumeOf(record.path, record.volume);
  await waitForTransfers(volume.share, options.waitMs);
  await mountNow(record, notes);
  const smallest = await smallestSize(volume.share);
  if (size < smallest) throw tooSmall(volume.share, smallest);
  await writeShareRecord(record.path, { ...record, pending: { step: 'shrink', size } });
  try {
    const { uid, gid } = statSync(volume.share);
    const { newImage: image } = volume;
    const request = { image, size, uid, gid, onProgress: options.onProgress };
    const made = await createImage(request, options.engine ?? volume.engine);
    const overhead = await fillNewImage(volume, options.onProgress);
    await unmountNow(volume, options.waitMs);
    renameSync(volume.newImage, volume.image);
    const engine = made.engine;
    return await commit({ ...record, volume: { ...record.volume, engine, overhead } }, size, notes);
  } catch (error) {
    await reopen(record, notes);
    if (error instanceof PysyncError && error.code === 'COPY_NO_SPACE') {
      throw tooSmall(volume.share, smallest);
    }
    throw error;
  }
}

async function commit(record: ShareRecord, size: number, notes: string[]): Promise<Created> {
  const { path, leftover } = record;
  const volume = { ...record.volume, size };
  const final = { path, volume, ...(leftover === undefined ? {} : { leftover }) };
  await writeShareRecord(path, final);
  await mountNow(final, notes);
  return { record: final, notes };
}

/** After a failure: the volume with the size it had, mounted again as far as that can be done. */
async function reopen(record: ShareRecord, notes: string[]): Promise<void> {
  try {
    const settled = await recover(record.path, notes);
    if (settled !== undefined) await mountNow(settled, notes);
  } catch {
    // What is pending stays in the record, and the next pysync or connection tries again.
  }
}

/**
 * Bytes of the smallest volume that holds what is stored in the mounted one: its blocks, and what
 * ext4 needs for itself, estimated with some room.
 */
async function smallestSize(share: string): Promise<number> {
  const { blocks, bfree, bsize } = await statfs(share);
  const used = (blocks - bfree) * bsize;
  const mebibyte = 2 ** 20;
  const needed = Math.ceil((used / 0.95 + 8 * mebibyte) / mebibyte) * mebibyte;
  return Math.max(minimumSize, needed);
}

function tooSmall(share: string, smallest: number): PysyncError {
  return new PysyncError('SIZE_TOO_SMALL', `what is stored in ${share} would not fit`, {
    hints: [`the smallest size possible now is ${formatSize(smallest)}`],
  });
}
