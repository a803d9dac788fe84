/**
 * What state a volume is in. It is recognised from what lies on disk and in the mount table each
 * time, and never remembered.
 */
import { existsSync, lstatSync, statSync } from 'node:fs';
import { notedErrors } from '../ready/superblock.js';
import type { ShareRecord } from './registry.js';
import { fileSystemState } from './ext4.js';
import { isMountedFrom } from './mount-table.js';
import { isImageLocked } from './image-lock.js';
import { volumeOf } from './volume.js';
import type { Volume } from './volume.js';

/**
 * - `absent`: the image is not where its record says;
 * - `creating`, `migrating`: it is being made, or files are being moved in or out;
 * - `resizing`: it is being grown or shrunk;
 * - `ready`: whole, and not mounted;
 * - `mounted`: mounted over the share, and answering;
 * - `unmounting`: not mounted any more, and not yet let go of;
 * - `stale`: mounted, but the program behind it has died;
 * - `dirty`: not closed properly, or mounted and found to have errors: needs a check;
 * - `failed`: cut short, or no file system any more: kept, for a rescue by hand.
 */
export type VolumeState =
  | 'absent'
  | 'creating'
  | 'migrating'
  | 'resizing'
  | 'ready'
  | 'mounted'
  | 'unmounting'
  | 'stale'
  | 'dirty'
  | 'failed';

export async function stateOf(record: ShareRecord): Promise<VolumeState> {
  switch (record.pending?.step) {
    case 'create':
      return existsSync(originalsOf(record.path)) ? 'migrating' : 'creating';
    case 'uncap':
      return 'migrating';
    case 'grow':
    case 'shrink':
      return 'resizing';
    case undefined:
      return imageState(volumeOf(record.path, record.volume));
  }
}

async function imageState(volume: Volume): Promise<VolumeState> {
  const mounted = await isMountedFrom(volume.share, volume.image);
  if (mounted === 'stale') return mounted;
  // Also while it is mounted: what is sent then goes who knows where.
  if (!existsSync(volume.image)) return 'absent';
  if (mounted === 'mounted') return notedErrors(volume.image) === 0 ? 'mounted' : 'dirty';
  if (statSync(volume.image).size < volume.size) return 'failed';
  if (await isImageLocked(volume.imageLock)) return 'unmounting';
  const state = await fileSystemState(volume.image);
  switch (state) {
    case 'clean':
      return 'ready';
    case 'dirty':
    case 'errors':
      return 'dirty';
    case 'none':
      return 'failed';
  }
}

/** Where the files of a share lie while and after they are moved into its volume. */
export function originalsOf(share: string): string {
  return `${share}.before-volume`;
}

/** Where the files of a volume are put together while its cap is taken away. */
export function uncappedOf(share: string): string {
  return `${share}.without-cap`;
}

/** Whether an operation of pysync is at work on this volume, or died at it. */
export function isBusy(volume: Volume): boolean {
  return lstatSync(volume.operationLock, { throwIfNoEntry: false }) !== undefined;
}
