/** Giving a share a cap: its files move into a new volume, which then takes its place. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { PysyncError } from '../errors.js';
import { writeShareRecord } from './registry.js';
import type { ShareRecord } from './registry.js';
import { makeShare } from '../share/share.js';
import { withLock } from '../system/locks.js';
import { backendOf } from './backends.js';
import { capacityOf } from './capacity.js';
import { copyTree, verifyCopy } from './copy.js';
import { makeImageFolder } from './image-folder.js';
import { chooseMount } from './mounts/index.js';
import { mountNow, requestOf, stagingOf } from './mounting.js';
import { requirePlace } from './place.js';
import { undoCreate } from './recover.js';
import { originalsOf, uncappedOf } from './state.js';
import { sweepVolumes } from './sweep.js';
import { waitForTransfers } from './transfers.js';
import { undoableOn } from './undoable.js';
import { volumeOf, volumesFolder } from './volume.js';
import type { EngineName, Volume } from './volume.js';

export interface CreateOptions {
  readonly engine: EngineName | undefined;
  /** The folder for the image, where its owner has named one. */
  readonly imageFolder?: string | undefined;
  /** Every other share. */
  readonly shares?: readonly string[];
  /** Milliseconds to wait for transfers to end. */
  readonly waitMs: number;
  readonly onProgress: (text: string) => void;
}

export interface Created {
  readonly record: ShareRecord;
  /** Why it is not the engine of choice, and what else its owner should know. */
  readonly notes: readonly string[];
}

/**
 * Gives the share at `share`, which has no cap, a volume of `size` bytes. Where that fails or is
 * interrupted the share is as it was. Files that were in it are kept beside it as well.
 */
export async function createVolume(
  share: string,
  size: number,
  options: CreateOptions,
): Promise<Created> {
  makeShare(share);
  mkdirSync(volumesFolder(), { recursive: true, mode: 0o700 });
  refuseObstacles(share);
  await sweepVolumes();
  const { imageFolder, shares = [] } = options;
  const folder = makeImageFolder(share, imageFolder, shares);
  const id = `${basename(share).replaceAll(/[^A-Za-z0-9]+/g, '-')}-${randomBytes(4).toString('hex')}`;
  const draft = volumeOf(share, {
    id,
    size,
    engine: options.engine ?? 'libguestfs',
    mount: 'fuse2fs',
    overhead: 0,
    ...(folder === undefined ? {} : { folder }),
  });
  const mount = chooseMount(requestOf(draft)).name;
  const volume = { ...draft, mount };
  return undoableOn(share, () => withLock(volume.operationLock, () => make(volume, options)));
}

async function make(volume: Volume, options: CreateOptions): Promise<Created> {
  const { id, size, share, mount, folder } = volume;
  const place = folder === undefined ? {} : { folder };
  const notes: string[] = [];
  let { engine, overhead } = volume;
  const record = (): ShareRecord => ({
    path: share,
    volume: { id, size, overhead, engine, mount, ...place },
  });
  await writeShareRecord(share, { ...record(), pending: { step: 'create' } });
  try {
    await waitForTransfers(share, options.waitMs);
    const before = statSync(share);
    const { uid, gid } = before;
    const request = { image: volume.newImage, size, uid, gid, onProgress: options.onProgress };
    const made = await backendOf(volume).create(request, options.engine);
    engine = made.engine;
    if (made.reason !== undefined) notes.push(made.reason);
    const holdsFiles = readdirSync(share).length > 0;
    overhead = await fillNewImage(volume, options.onProgress);
    const originals = originalsOf(share);
    const { mode } = requireSame(share, before);
    if (holdsFiles) {
      renameSync(share, originals);
      mkdirSync(share);
      chmodSync(share, mode & 0o7777);
    }
    renameSync(volume.newImage, volume.image);
    const final = { ...record(), ...(holdsFiles ? { leftover: originals } : {}) };
    await mountNow(final, notes);
    await writeShareRecord(share, final);
    return { record: final, notes };
  } catch (error) {
    // Where even this fails, the record still says what was begun, and the next pysync tries again.
    await undoCreate(volume).then(
      () => writeShareRecord(share, undefined),
      () => undefined,
    );
    throw error;
  }
}

/**
 * Copies the share's files, and the mode and times of its own folder, into the new image, and
 * proves the copy. Returns the volume's `overhead`.
 */
export async function fillNewImage(
  volume: Volume,
  onProgress: (text: string) => void,
): Promise<number> {
  const staging = stagingOf(volume);
  const method = chooseMount(staging);
  mkdirSync(staging.mountPoint, { mode: 0o700 });
  await method.mount(staging);
  try {
    const { used } = await capacityOf(staging.mountPoint, { ...volume, overhead: 0 });
    await copyTree(volume.share, staging.mountPoint, onProgress);
    await verifyCopy(volume.share, staging.mountPoint, onProgress);
    return used;
  } finally {
    await method.unmount(staging);
    rmdirSync(staging.mountPoint);
    rmSync(staging.imageLock, { force: true });
  }
}

/**
 * Making the image takes a while, and what was copied must be what is moved aside now. Throws
 * PysyncError `FOLDER_IS_LINK`, `SHARE_CHANGED`.
 */
function requireSame(share: string, before: Stats): Stats {
  requirePlace(share);
  const now = lstatSync(share, { throwIfNoEntry: false });
  if (now?.ino === before.ino && now.dev === before.dev) return now;
  throw new PysyncError('SHARE_CHANGED', `${share} was moved away while its volume was made`, {
    hints: ['it has no size cap; put it back, then run the command again'],
  });
}

/** Names that are needed for a while must be free. */
function refuseObstacles(share: string): void {
  for (const path of [originalsOf(share), uncappedOf(share)]) {
    if (!existsSync(path)) continue;
    throw new PysyncError('NAME_TAKEN', `${path} is in the way`, {
      hints: ['it may hold files from an earlier move: look into it, then remove or rename it'],
    });
  }
  if (statSync(dirname(share)).dev !== statSync(share).dev) {
    throw new PysyncError('SHARE_IS_MOUNT', `${share} is a mount point already`, {
      hints: ['choose another folder with --dir'],
    });
  }
}
