/** Taking volumes off the machine for good, when pysync goes. */
import { existsSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { PysyncError } from '../errors.js';
import type { ShareRecord } from '../share/registry.js';
import { cappedShares, writeShareRecord } from '../share/registry.js';
import { withLock } from '../system/locks.js';
import type { CreateOptions } from './create.js';
import { forgetKernelMount } from './kernel-mount.js';
import { isMountedFrom } from './mount-table.js';
import { unmountNow } from './mounting.js';
import { recover } from './recover.js';
import { uncapVolume } from './uncap.js';
import { volumeOf, volumesFolder } from './volume.js';

type Options = Pick<CreateOptions, 'waitMs' | 'onProgress'>;

/** What taking a volume away has told. */
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
  // A mount outlives the name of its image, and the files may still be there to be saved.
  const isLost =
    record.pending === undefined &&
    !existsSync(volume.image) &&
    (await isMountedFrom(volume.share, volume.image)) !== 'mounted';
  if (isLost) {
    const note = `its image was not there to move files out of: ${volume.image}`;
    const { notes, fstab } = await deleteVolume(record, options);
    return { notes: [...notes, note], fstab };
  }
  const { image, notes } = await uncapVolume(record, options);
  if (image !== undefined) rmSync(image, { force: true });
  return { notes, fstab: await forgetLine(record) };
}

/** Removes a volume with all files that are in it. Throws PysyncError where it is in use. */
export async function deleteVolume(record: ShareRecord, { waitMs }: Options): Promise<Removed> {
  const volume = volumeOf(record.path, record.volume);
  const notes: string[] = [];
  await withLock(volume.operationLock, async () => {
    if ((await recover(record.path, notes)) === undefined) return;
    await unmountNow(volume, waitMs);
    // The record last: while it is there, the next run comes here again.
    rmSync(volume.image, { force: true });
    await writeShareRecord(record.path, undefined);
  });
  return { notes, fstab: await forgetLine(record) };
}

/** Takes its line out of /etc/fstab; that this fails stops nothing else. */
async function forgetLine(record: ShareRecord): Promise<readonly string[]> {
  try {
    const useless = await forgetKernelMount(record, () => Promise.resolve(true));
    return useless === undefined ? [] : [useless];
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    return [error.message, ...error.hints];
  }
}

/** Images that belong to no capped share: those `--size none` left, in which files may still be. */
export async function strayImages(): Promise<readonly string[]> {
  const kept = new Set((await cappedShares()).map(({ volume }) => `${volume.id}.img`));
  return volumeFiles()
    .filter((name) => name.endsWith('.img') && !kept.has(name))
    .map((name) => join(volumesFolder(), name));
}

/** Removes what is only of use beside an image that is gone, and the folder if it is empty then. */
export async function tidyVolumes(): Promise<void> {
  const records = await cappedShares();
  for (const name of volumeFiles()) {
    const [, id = '', kind] =
      /^(.+?)\.(img\.lock|img\.new|img\.new\.lock|busy|mnt)$/.exec(name) ?? [];
    if (kind === undefined || records.some(({ volume }) => volume.id === id)) continue;
    const path = join(volumesFolder(), name);
    try {
      // Of a dead process; the lock of one that lives is its own to take away.
      if (kind === 'busy') await withLock(path, () => Promise.resolve(), { waitMs: 0 });
      else if (kind === 'mnt') rmdirSync(path);
      else rmSync(path, { force: true });
    } catch {
      // In use: then the folder stays as well, and is told.
    }
  }
  if (volumeFiles().length === 0 && existsSync(volumesFolder())) rmdirSync(volumesFolder());
}

function volumeFiles(): string[] {
  return existsSync(volumesFolder()) ? readdirSync(volumesFolder()) : [];
}
