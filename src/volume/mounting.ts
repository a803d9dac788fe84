/**
 * The steps that operations on a volume are made of: mounting, unmounting, and discarding a
 * half-made image. Whoever calls them holds the volume's lock.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  rmdirSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { PysyncError, errnoOf } from '../errors.js';
import { quoteAll } from '../gate/quote.js';
import type { ShareRecord } from './registry.js';
import { fileFailure } from '../system/failures.js';
import { printable } from '../system/text.js';
import { backendOf } from './backends.js';
import { isImageFree, patience } from './image-lock.js';
import { isMountedFrom, placeElsewhere } from './mount-table.js';
import { chooseMount, cleanStale, mountMethod } from './mounts/index.js';
import type { MountRequest } from './mounts/mount.js';
import { inPlace, requirePlace } from './place.js';
import { stateOf } from './state.js';
import { waitForTransfers } from './transfers.js';
import { lockOf, volumeOf } from './volume.js';
import type { Volume } from './volume.js';

/** Mounts a volume that is not mounted yet, checked and repaired first; the caller holds its lock. */
export async function mountNow(record: ShareRecord, notes: string[]): Promise<void> {
  const volume = volumeOf(record.path, record.volume);
  requirePlace(volume.share);
  let state = await stateOf(record);
  if (state === 'stale') {
    await cleanStale(volume.share);
    notes.push('the program that held the volume had died; it was mounted again');
    state = await stateOf(record);
  }
  if (state === 'mounted') return;
  if (state === 'absent') throw missing(volume);
  if (state === 'failed') {
    throw new PysyncError('VOLUME_DAMAGED', `the disk image of ${volume.share} is damaged`, {
      hints: backendOf(volume).rescue(volume.image),
    });
  }
  const elsewhere = placeElsewhere(volume.image, volume.share);
  if (elsewhere !== undefined) {
    const sentence = `the disk image of ${volume.share} is mounted on ${elsewhere} already`;
    throw new PysyncError('IMAGE_BUSY', sentence, { hints: ['unmount it there first'] });
  }
  // A transfer that runs into the errors ends soon by itself.
  if (state === 'dirty') await unmountNow(volume, 60_000);
  if (state === 'unmounting' && !(await isImageFree(volume.imageLock, patience))) {
    throw new PysyncError('IMAGE_BUSY', 'a program still has the volume open', {
      hints: [`see which: fuser ${volume.imageLock}`],
    });
  }
  if ((await isMountedFrom(volume.share, volume.image)) === 'other') {
    throw new PysyncError('MOUNT_POINT_TAKEN', `something else is mounted on ${volume.share}`, {
      hints: [`unmount it first: umount ${volume.share}`],
    });
  }
  if ((await backendOf(volume).checkAndRepair(volume.image)) === 'repaired') {
    notes.push('the volume had not been closed properly; it was checked and repaired');
  }
  makeMountPoint(volume.share);
  moveAside(volume.share, notes);
  await mountMethod(volume.mount).mount(requestOf(volume));
}

function makeMountPoint(share: string): void {
  try {
    mkdirSync(share, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (!['EEXIST', 'ENOTDIR'].includes(errnoOf(error) ?? '')) {
      throw fileFailure(error, `make ${printable(share)}`);
    }
    const sentence = `${printable(share)}, or the folder it is in, is not a folder any more`;
    throw new PysyncError('MOUNT_POINT_TAKEN', sentence, {
      hints: ['move away what has taken its place, then: pysync mount'],
      cause: error,
    });
  }
}

function missing(volume: Volume): PysyncError {
  return new PysyncError('VOLUME_MISSING', `the disk image of ${volume.share} is not there`, {
    hints: [
      `put it back as ${printable(volume.image)}`,
      'until then nobody can send into this share',
      `if it is gone for good: ${printable(quoteAll(['pysync', '--dir', volume.share, '--size', 'none']))}`,
    ],
  });
}

/** What the mount methods need to know of a volume. */
export function requestOf(volume: Volume): MountRequest {
  return { image: volume.image, mountPoint: volume.share, imageLock: volume.imageLock };
}

/** Files in the directory under the mount point would be hidden by the mount: they go beside it. */
export function moveAside(share: string, notes: string[]): void {
  try {
    const names = inPlace(share, (entered) => readdirSync(entered));
    if (names.length === 0) return;
    const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const aside = `${share}.found-${stamp}`;
    inPlace(dirname(share), (beside) => {
      mkdirSync(join(beside, basename(aside)), { mode: 0o700 });
    });
    // SECURITY: from the very folder and into the very folder: what a link that took the place of one
    // of them leads to is not the share's (test/integration/volume/place.test.ts).
    inPlace(share, (from) => {
      inPlace(aside, (to) => {
        for (const name of names) renameSync(join(from, name), join(to, name));
      });
    });
    notes.push(`files found in ${share} while it was not mounted are now in ${aside}`);
  } catch (error) {
    throw fileFailure(error, `move what is in ${printable(share)} aside`);
  }
}

/**
 * Unmounts a share's volume; the caller holds its lock. Throws PysyncError `SHARE_IN_USE` where a
 * transfer runs and does not end within `waitMs`, `MOUNT_BUSY` where something else uses it.
 */
export async function unmountNow(volume: Volume, waitMs: number): Promise<void> {
  await waitForTransfers(volume.share, waitMs);
  const mounted = await isMountedFrom(volume.share, volume.image);
  if (mounted === 'stale') await cleanStale(volume.share);
  if (mounted === 'mounted') await unmountQuiet(volume);
}

/** Milliseconds that a look into a share takes at most, as of a connection that then waits. */
const glanceMs = 3000;

/** Where no transfer runs, what keeps the mount busy may be over in a moment. */
async function unmountQuiet(volume: Volume): Promise<void> {
  const deadline = Date.now() + glanceMs;
  for (;;) {
    try {
      await mountMethod(volume.mount).unmount(requestOf(volume));
      return;
    } catch (error) {
      const isBusy = error instanceof PysyncError && error.code === 'MOUNT_BUSY';
      if (!isBusy || Date.now() >= deadline) throw error;
      // Unmounted already, and held by something: that is no glance.
      if ((await isMountedFrom(volume.share, volume.image)) !== 'mounted') throw error;
      await wait(100);
    }
  }
}

/** Removes an image that is being built, and the place where it is mounted. */
export async function discardNewImage(volume: Volume): Promise<void> {
  const staging = stagingOf(volume);
  const mounted = await isMountedFrom(staging.mountPoint, staging.image);
  if (mounted === 'stale') await cleanStale(staging.mountPoint);
  if (mounted === 'mounted') await unmountDiscarded(staging);
  for (const path of [staging.image, staging.imageLock]) rmSync(path, { force: true });
  // Not with what is in it: should something still be mounted there, this fails and says so.
  if (existsSync(volume.stagingMount)) rmdirSync(volume.stagingMount);
}

/**
 * The rsync of a pysync that was killed may still copy. It may: the mount is removed from the path,
 * and what it writes goes into a file that has no name any more.
 */
async function unmountDiscarded(staging: MountRequest): Promise<void> {
  try {
    await chooseMount(staging).unmount(staging);
  } catch (error) {
    if (!(error instanceof PysyncError) || error.code !== 'MOUNT_BUSY') throw error;
    await cleanStale(staging.mountPoint);
  }
}

/** The new image of a volume, mounted where it is filled. */
export function stagingOf(volume: Volume): MountRequest {
  return {
    image: volume.newImage,
    mountPoint: behindLinks(volume.stagingMount),
    imageLock: lockOf(volume.newImage),
  };
}

/** pysync's own folder may be behind a link of its owner's; what is mounted has its real name. */
function behindLinks(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}
