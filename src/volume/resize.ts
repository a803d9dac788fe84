/**
 * Growing a volume in place, and shrinking it by building another one beside it. A larger one is built
 * as well where growing would leave it with too few inodes.
 */
import { renameSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { PysyncError } from '../errors.js';
import { writeShareRecord } from './registry.js';
import type { ShareRecord } from './registry.js';
import { withLock } from '../system/locks.js';
import { formatSize } from '../system/sizes.js';
import { fillNewImage } from './create.js';
import type { CreateOptions, Created } from './create.js';
import { backendOf } from './backends.js';
import { capacityOf } from './capacity.js';
import { mountNow, unmountNow } from './mounting.js';
import { freeOnHost } from './preallocate.js';
import { recover, settle } from './recover.js';
import { waitForTransfers } from './transfers.js';
import { undoableOn } from './undoable.js';
import { volumeOf } from './volume.js';
import type { Volume } from './volume.js';

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
      if (size < current.volume.size) return rebuild(current, size, options, notes);
      await mountNow(current, notes);
      return (await isWorthRebuilding(current, size, notes))
        ? rebuild(current, size, options, notes)
        : grow(current, size, options, notes);
    }),
  );
}

/** Bytes that are copied while somebody waits for more room. */
const soonCopied = 2 ** 30;

/**
 * Whether a larger volume is better built than grown. A grown one has as many inodes per byte as it was
 * made with: one that was small then, or made by an older pysync, would take few files for its size.
 * Copying takes time, and room for both, so it must be short of files already, or take less than a
 * quarter of the files that a new one takes and have little stored.
 */
async function isWorthRebuilding(
  { path, volume: record }: ShareRecord,
  size: number,
  notes: string[],
): Promise<boolean> {
  const { image } = volumeOf(path, record);
  const backend = backendOf(record);
  const [grown, fresh] = [await backend.inodesAfterGrowth(image, size), backend.inodesFor(size)];
  const { used, entries, filesLeft } = await capacityOf(path, record);
  const isShort = filesLeft < entries / 20;
  if (grown >= fresh * (isShort ? 0.9 : 0.25)) return false;
  const isSoonDone = used <= soonCopied;
  if ((isShort || isSoonDone) && (await freeOnHost(image)) > size) return true;
  notes.push(`it takes ${grown} files now; a new volume of this size would take ${fresh}`);
  return false;
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
    await backendOf(volume).grow(volume.image, size);
  } catch (error) {
    await reopen(record, notes);
    throw error;
  }
  return commit(record, size, notes);
}

async function rebuild(
  record: ShareRecord,
  size: number,
  options: CreateOptions,
  notes: string[],
): Promise<Created> {
  const volume = volumeOf(record.path, record.volume);
  await waitForTransfers(volume.share, options.waitMs);
  await mountNow(record, notes);
  const smallest = await smallestSize(volume);
  if (size < smallest) throw tooSmall(volume.share, smallest);
  await writeShareRecord(record.path, { ...record, pending: { step: 'shrink', size } });
  try {
    const { uid, gid } = statSync(volume.share);
    const { newImage: image } = volume;
    const request = { image, size, uid, gid, onProgress: options.onProgress };
    const made = await backendOf(volume).create(request, options.engine ?? volume.engine);
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
  const final = await settle({ ...record, volume: { ...record.volume, size } });
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

/** Bytes of the smallest volume that holds what is stored in the mounted one. */
async function smallestSize(volume: Volume): Promise<number> {
  const { blocks, bfree, bsize, files, ffree } = await statfs(volume.share);
  return backendOf(volume).smallestFor((blocks - bfree) * bsize, files - ffree);
}

function tooSmall(share: string, smallest: number): PysyncError {
  return new PysyncError('SIZE_TOO_SMALL', `what is stored in ${share} would not fit`, {
    hints: [`the smallest size possible now is ${formatSize(smallest)}`],
  });
}
