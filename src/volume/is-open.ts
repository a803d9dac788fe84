/** Whether a volume is in its usual state, in which nothing that mounts or repairs has to be loaded. */
import { lstatSync } from 'node:fs';
import { placeFault } from '../ready/place.js';
import { backendOf } from './backends.js';
import { isMountedFrom } from './mount-table.js';
import type { ShareRecord } from './registry.js';
import { volumeOf } from './volume.js';

/**
 * Whether the volume is mounted over its share and without errors, and nobody is at work on it. Throws
 * PysyncError `MOUNT_HUNG`.
 */
export async function isOpen({ path, volume, pending }: ShareRecord): Promise<boolean> {
  const { image, operationLock } = volumeOf(path, volume);
  // A lock is a link that leads nowhere; also one whose holder is dead keeps peers out.
  const lock = lstatSync(operationLock, { throwIfNoEntry: false });
  if (pending !== undefined || lock !== undefined) return false;
  if (placeFault(path) !== undefined) return false;
  return (await isMountedFrom(path, image)) === 'mounted' && backendOf(volume).isSound(image);
}
