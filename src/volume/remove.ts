/** Removing volumes from the machine for good, when pysync is uninstalled. */
import { existsSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { PysyncError } from '../errors.js';
import type { ShareRecord } from './registry.js';
import { writeShareRecord } from './registry.js';
import { withLock } from '../system/locks.js';
import type { CreateOptions } from './create.js';
import { forgetKernelMount } from './kernel-mount.js';
import { leaveFolder, removeImage } from './image-folder.js';
import { isMountedFrom } from './mount-table.js';
import { discardNewImage, unmountNow } from './mounting.js';
import { cleanStale } from './mounts/index.js';
import { recover } from './recover.js';
import { sweepVolumes } from './sweep.js';
import { uncapVolume } from './uncap.js';
import { volumeOf, volumesFolder } from './volume.js';

type Options = Pick<CreateOptions, 'waitMs' | 'onProgress'>;

/** What the owner should know of a volume's removal. */
export interface Removed {
  readonly notes: readonly string[];
  /** Why its line stays in /etc/fstab, and how it goes; empty where it has none. */
  readonly fstab: readonly string[];
}

/**
 * Moves the files of a capped share out of its volume, as `--size none` does, and removes the image.
 * Throws PysyncError, with the share as it was, where the files cannot be moved.
 */
export async function dissolveVolume(record: ShareRecord, options: Options): Promise<Removed> {
  const volume = volumeOf(record.path, record.volume);
  if (await isLost(record)) {
    const note = `its image was not there to move files out of: ${volume.image}`;
    await forgetVolume(record);
    return { notes: [note], fstab: await forgetLine(record) };
  }
  const { image, notes } = await uncapVolume(record, options);
  if (image !== undefined) removeImage(image);
  return { notes, fstab: await forgetLine(record) };
}

/**
 * Whether what is in a share's volume is out of reach: its image is gone, and neither a mount, which
 * outlives the name of its image, nor a copy that is whole has the files.
 */
export async function isLost({ path, volume: record, pending }: ShareRecord): Promise<boolean> {
  const volume = volumeOf(path, record);
  if (pending?.step === 'create' || (pending?.step === 'uncap' && pending.verified)) return false;
  if (existsSync(volume.image)) return false;
  return (await isMountedFrom(volume.share, volume.image)) !== 'mounted';
}

/**
 * Forgets a volume that is lost; the share is an ordinary folder then. Should its image come back, as
 * with a disk that was not there, it is one that no share uses.
 */
export async function forgetVolume(record: ShareRecord): Promise<void> {
  const volume = volumeOf(record.path, record.volume);
  await withLock(volume.operationLock, async () => {
    if ((await isMountedFrom(volume.share, volume.image)) === 'stale') {
      await cleanStale(volume.share);
    }
    await discardNewImage(volume);
    await writeShareRecord(record.path, undefined, volume.image);
    rmSync(volume.imageLock, { force: true });
    leaveFolder(dirname(volume.image));
  });
}

/** Removes a volume with all files that are in it. Throws PysyncError where it is in use. */
export async function deleteVolume(record: ShareRecord, { waitMs }: Options): Promise<Removed> {
  const volume = volumeOf(record.path, record.volume);
  const notes: string[] = [];
  await withLock(volume.operationLock, async () => {
    if ((await recover(record.path, notes)) === undefined) return;
    await unmountNow(volume, waitMs);
    // The record last: while it is there, the next run comes here again.
    removeImage(volume.image);
    await writeShareRecord(record.path, undefined);
  });
  return { notes, fstab: await forgetLine(record) };
}

/** Removes its line from /etc/fstab; a failure of this stops nothing else. */
async function forgetLine(record: ShareRecord): Promise<readonly string[]> {
  try {
    const useless = await forgetKernelMount(record, () => Promise.resolve(true));
    return useless === undefined ? [] : [useless];
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    return [error.message, ...error.hints];
  }
}

/** `sweepVolumes`, and removes the folder itself if it is empty then. */
export async function tidyVolumes(): Promise<void> {
  await sweepVolumes();
  if (existsSync(volumesFolder()) && readdirSync(volumesFolder()).length === 0) {
    rmdirSync(volumesFolder());
  }
}
