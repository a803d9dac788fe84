/** What state a volume is in: seen from the disk and the mount table each time, never remembered. */
import { existsSync, lstatSync, statSync } from 'node:fs';
import type { ShareRecord } from './registry.js';
import { backendOf } from './backends.js';
import { isImageFree } from './image-lock.js';
import { isMountedFrom } from './mount-table.js';
import { volumeOf } from './volume.js';
import type { Volume } from './volume.js';

/**
 * - `absent`: the image is not where its record says;
 * - `creating`, `migrating`: it is being created, or files are being moved in or out;
 * - `resizing`: it is being grown or shrunk;
 * - `ready`: whole, and not mounted;
 * - `mounted`: mounted over the share, and answering;
 * - `unmounting`: not mounted any more, but a program still has it open;
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
  const backend = backendOf(volume);
  if (mounted === 'mounted') return backend.isSound(volume.image) ? 'mounted' : 'dirty';
  if (statSync(volume.image).size < volume.size) return 'failed';
  if (!(await isImageFree(volume.imageLock, 0))) return 'unmounting';
  switch (await backend.state(volume.image)) {
    case 'clean':
      return 'ready';
    case 'dirty':
    case 'errors':
      return 'dirty';
    case 'none':
      return 'failed';
  }
}

/** Where the files of a share are while and after they are moved into its volume. */
export function originalsOf(share: string): string {
  return `${share}.before-volume`;
}

/** Where the files of a volume are collected while its cap is removed. */
export function uncappedOf(share: string): string {
  return `${share}.without-cap`;
}

/** Whether an operation of pysync is at work on this volume, or died at it. */
export function isBusy(volume: Volume): boolean {
  return lstatSync(volume.operationLock, { throwIfNoEntry: false }) !== undefined;
}
