/**
 * Finding a share's volume mounted, or mounting it: what the gate has done before each connection,
 * and every command before it looks into the share.
 */
import type { ShareRecord } from './registry.js';
import { shareRecord } from './registry.js';
import { withLock } from '../system/locks.js';
import { isOpen } from './is-open.js';
import { mountNow, unmountNow } from './mounting.js';
import { requirePlace } from './place.js';
import { recover } from './recover.js';
import { volumeOf } from './volume.js';

/**
 * Makes sure that the share of `record` is mounted. Returns sentences about what had to be fixed.
 * Throws PysyncError where it cannot be: then nothing must be written into the share.
 */
export async function openVolume(record: ShareRecord): Promise<readonly string[]> {
  const volume = volumeOf(record.path, record.volume);
  requirePlace(volume.share);
  if (await isOpen(record)) return [];
  return withLock(
    volume.operationLock,
    async () => {
      const notes: string[] = [];
      const current = await recover(record.path, notes);
      if (current === undefined) return notes;
      await mountNow(current, notes);
      return notes;
    },
    // Longer than an unmount before it may take.
    { waitMs: 150_000 },
  );
}

/** `unmountNow` for the command line. Returns false where the share has no cap. */
export async function closeVolume(share: string, waitMs: number): Promise<boolean> {
  const record = await shareRecord(share);
  if (record === undefined) return false;
  const volume = volumeOf(record.path, record.volume);
  await withLock(volume.operationLock, () => unmountNow(volume, waitMs));
  return true;
}
