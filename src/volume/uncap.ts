/** Removing a share's cap: its files move out of the volume into an ordinary directory. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { PysyncError } from '../errors.js';
import { writeShareRecord } from './registry.js';
import type { ShareRecord } from './registry.js';
import { withLock } from '../system/locks.js';
import { formatSize } from '../system/sizes.js';
import { copyTree, verifyCopy } from './copy.js';
import type { CreateOptions } from './create.js';
import { freeOnHost } from './preallocate.js';
import { isMountedFrom } from './mount-table.js';
import { mountNow, unmountNow } from './mounting.js';
import { finishUncap, recover } from './recover.js';
import { uncappedOf } from './state.js';
import { waitForTransfers } from './transfers.js';
import { undoableOn } from './undoable.js';
import { usageOf } from '../share/usage.js';
import { volumeOf } from './volume.js';
import type { Volume } from './volume.js';

/**
 * Moves the files of a capped share out and forgets its volume; the image is left where it is,
 * and returned. Where it fails the share keeps its cap.
 */
export async function uncapVolume(
  record: ShareRecord,
  options: Pick<CreateOptions, 'waitMs' | 'onProgress'>,
): Promise<{ readonly image: string | undefined; readonly notes: readonly string[] }> {
  const volume = volumeOf(record.path, record.volume);
  return undoableOn(record.path, () =>
    withLock(volume.operationLock, async () => {
      const notes: string[] = [];
      const current = await recover(record.path, notes);
      if (current === undefined) return { image: undefined, notes };
      await waitForTransfers(volume.share, options.waitMs);
      // One whose image lost its name lives on while it is mounted, and its files can be saved.
      if ((await isMountedFrom(volume.share, volume.image)) !== 'mounted') {
        await mountNow(current, notes);
      }
      await moveOut(current, volume, options);
      finishUncap(volume, notes);
      await writeShareRecord(current.path, undefined, volume.image);
      rmSync(volume.imageLock, { force: true });
      return { image: volume.image, notes };
    }),
  );
}

async function moveOut(
  record: ShareRecord,
  volume: Volume,
  options: Pick<CreateOptions, 'waitMs' | 'onProgress'>,
): Promise<void> {
  const { path } = record;
  const copy = uncappedOf(path);
  if (existsSync(copy)) {
    throw new PysyncError('NAME_TAKEN', `${copy} is in the way`, {
      hints: ['look into it, then remove or rename it'],
    });
  }
  const needed = (await usageOf(path, Infinity))?.bytes ?? 0;
  const free = await freeOnHost(dirname(path));
  if (needed > free) {
    throw new PysyncError('DISK_FULL', 'there is no room for the files outside their volume', {
      hints: [`they need ${formatSize(needed)}, and ${formatSize(free)} is free`],
    });
  }
  const pending = { step: 'uncap', verified: false } as const;
  await writeShareRecord(path, { ...record, pending });
  try {
    mkdirSync(copy, { mode: 0o700 });
    await copyTree(path, copy, options.onProgress);
    await verifyCopy(path, copy, options.onProgress);
    await unmountNow(volume, options.waitMs);
    await writeShareRecord(path, { ...record, pending: { ...pending, verified: true } });
  } catch (error) {
    const settled = await recover(path, []).catch(() => undefined);
    if (settled !== undefined) await mountNow(settled, []).catch(() => undefined);
    throw error;
  }
}
