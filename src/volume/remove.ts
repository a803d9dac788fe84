/** Taking volumes off the machine for good, when pysync goes. */
import { existsSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
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

/**
 * Moves the files of a capped share out of its volume, as `--size none` does, and removes the image.
 * Returns sentences about what there was to tell. Throws PysyncError, with the share as it was,
 * where the files cannot be moved.
 */
export async function dissolveVolume(
  record: ShareRecord,
  options: Options,
): Promise<readonly string[]> {
  const volume = volumeOf(record.path, record.volume);
  const notes: string[] = [];
  if (record.pending === undefined && !existsSync(volume.image)) {
    // A mount outlives the name of its image, and the files may still be there to be saved.
    if ((await isMountedFrom(volume.share, volume.image)) !== 'mounted') {
      await writeShareRecord(record.path, undefined);
      notes.push(`its image was not there to move files out of: ${volume.image}`);
      return [...notes, ...(await forget(record))];
    }
  }
  const { image, notes: told } = await uncapVolume(record, options);
  notes.push(...told);
  // Not first: until the files are out, its line mounts them.
  notes.push(...(await forget(record)));
  if (image !== undefined) rmSync(image, { force: true });
  return notes;
}

/** Removes a volume with all files that are in it. Throws PysyncError where it is in use. */
export async function deleteVolume(
  record: ShareRecord,
  { waitMs }: Options,
): Promise<readonly string[]> {
  const volume = volumeOf(record.path, record.volume);
  const notes: string[] = [];
  await withLock(volume.operationLock, async () => {
    if ((await recover(record.path, notes)) === undefined) return;
    await unmountNow(volume, waitMs);
    // The record last: while it is there, the next run comes here again.
    rmSync(volume.image, { force: true });
    await writeShareRecord(record.path, undefined);
  });
  return [...notes, ...(await forget(record))];
}

/** Takes its line out of /etc/fstab; that it stays there is told and stops nothing. */
async function forget(record: ShareRecord): Promise<string[]> {
  try {
    const useless = await forgetKernelMount(record, () => Promise.resolve(true));
    return useless === undefined ? [] : [useless];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const hints = 'hints' in error && Array.isArray(error.hints) ? error.hints.map(String) : [];
    return [error.message, ...hints];
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
