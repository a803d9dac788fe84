/**
 * Recovering from what a crash, a full disk or Ctrl-C interrupted. Each operation is undone, or
 * finished where its copy was already verified; no file is lost either way, because only a copy that
 * nothing relies on yet is removed here.
 */
import {
  existsSync,
  lstatSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  truncateSync,
} from 'node:fs';
import type { ShareRecord } from './registry.js';
import { shareRecord, writeShareRecord } from './registry.js';
import { sweepTemporaryFolders } from '../system/temporary.js';
import { backendOf } from './backends.js';
import { removeImage } from './image-folder.js';
import { discardNewImage, moveAside, unmountNow } from './mounting.js';
import { requirePlace } from './place.js';
import { originalsOf, uncappedOf } from './state.js';
import { volumeOf } from './volume.js';
import type { Volume } from './volume.js';

/**
 * Ends whatever operation is pending on the share at `path`; the caller holds the volume's lock.
 * Returns the record as it is then, or undefined where the share has no cap.
 */
export async function recover(path: string, notes: string[]): Promise<ShareRecord | undefined> {
  const record = await shareRecord(path);
  if (record?.pending === undefined) return record;
  sweepTemporaryFolders();
  const volume = volumeOf(record.path, record.volume);
  switch (record.pending.step) {
    case 'create':
      await undoCreate(volume);
      notes.push('creating the volume was interrupted; the share is as it was, without a cap');
      await writeShareRecord(path, undefined);
      return undefined;
    case 'grow':
      notes.push('growing the volume was interrupted; it was fixed');
      return settle({ ...record, volume: await settleGrow(record, record.pending.size) });
    case 'shrink':
      notes.push('changing the size of the volume was interrupted; it was fixed');
      return settle({ ...record, volume: await settleShrink(record, record.pending.size) });
    case 'uncap':
      if (record.pending.verified) {
        finishUncap(volume, notes);
        notes.push('removing the cap was interrupted; it was finished');
        await writeShareRecord(path, undefined, volume.image);
        return undefined;
      }
      requirePlace(path);
      // Again where the rsync of a pysync that was killed has still put something into it.
      rmSync(uncappedOf(path), { recursive: true, force: true, maxRetries: 10 });
      notes.push('removing the cap was interrupted; the share still has its cap');
      return settle(record);
  }
}

/** Writes the record without what was pending, and returns it. */
export async function settle({ path, volume, leftover }: ShareRecord): Promise<ShareRecord> {
  const settled = { path, volume, ...(leftover === undefined ? {} : { leftover }) };
  await writeShareRecord(path, settled);
  return settled;
}

/** The share as it was before: its files back under their name, and no image. */
export async function undoCreate(volume: Volume): Promise<void> {
  await discardNewImage(volume);
  await unmountNow(volume, 0);
  const originals = originalsOf(volume.share);
  if (isFolder(originals)) takeTheShare(originals, volume.share, []);
  removeImage(volume.image);
}

async function settleGrow(record: ShareRecord, wanted: number): Promise<ShareRecord['volume']> {
  const volume = volumeOf(record.path, record.volume);
  await unmountNow(volume, 0);
  const backend = backendOf(volume);
  await backend.checkAndRepair(volume.image);
  const inside = await backend.span(volume.image);
  const size = inside > volume.size ? wanted : volume.size;
  if (statSync(volume.image).size !== size) truncateSync(volume.image, Math.max(size, inside));
  return { ...record.volume, size };
}

async function settleShrink(record: ShareRecord, wanted: number): Promise<ShareRecord['volume']> {
  const volume = volumeOf(record.path, record.volume);
  await discardNewImage(volume);
  const isDone = statSync(volume.image).size === wanted;
  return isDone ? { ...record.volume, size: wanted } : record.volume;
}

/** The verified copy takes the mount point's place. The image stays, for the owner to remove. */
export function finishUncap(volume: Volume, notes: string[]): void {
  const copy = uncappedOf(volume.share);
  if (isFolder(copy)) takeTheShare(copy, volume.share, notes);
}

/** Gives the share's name to `folder`; what is in the share's own folder goes beside it. */
function takeTheShare(folder: string, share: string, notes: string[]): void {
  requirePlace(share);
  if (existsSync(share)) {
    moveAside(share, notes);
    rmdirSync(share);
  }
  renameSync(folder, share);
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
