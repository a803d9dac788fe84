/** `--size`: gives a share a cap, changes it, or takes it away. */
import { realpathSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { PysyncError } from '../errors.js';
import { importedKeys } from '../keys/imported.js';
import type { ShareRecord } from '../volume/registry.js';
import { cappedShares, shareRecord, writeShareRecord } from '../volume/registry.js';
import { absolutePath } from '../share/share.js';
import { confirm } from '../system/confirm.js';
import { whenInterrupted } from '../system/interrupt.js';
import { startProgress } from '../system/progress.js';
import { formatSize, parseSize } from '../system/sizes.js';
import { printable } from '../system/text.js';
import { capacityOf } from '../volume/capacity.js';
import { createVolume } from '../volume/create.js';
import type { CreateOptions, Created } from '../volume/create.js';
import { newBackend } from '../volume/backends.js';
import { useKernelMount } from '../volume/kernel-mount.js';
import { openVolume } from '../volume/open.js';
import { resizeVolume } from '../volume/resize.js';
import { volumeOf } from '../volume/volume.js';
import type { EngineName } from '../volume/volume.js';
import { text, usage } from './words/options.js';
import type { Options } from './words/options.js';
import { uncap } from './size-none.js';
import type { Ask } from './size-none.js';
import type { SizeReport } from './views/size-report.js';

/** The cap a person asked for: bytes, or `none`. Throws PysyncError `USAGE`. */
export function readSize(options: Options): number | 'none' {
  const value = text(options, 'size') ?? '';
  if (value === 'none') return value;
  const size = Math.floor(parseSize(value) / 4096) * 4096;
  const { minimumSize } = newBackend;
  if (size < minimumSize) {
    throw usage(`--size ${value} is too small`, `the least is ${formatSize(minimumSize)}`);
  }
  return size;
}

/** Does what `--size` asks for on the share at `share`. */
export async function setSize(
  share: string,
  size: number | 'none',
  options: Options,
): Promise<SizeReport> {
  const progress = startProgress();
  const settings: CreateOptions = {
    engine: readEngine(options),
    imageFolder: readImageFolder(options),
    waitMs: options['wait'] === true ? 24 * 3600 * 1000 : 0,
    onProgress: progress.show,
  };
  const mayDo = (question: string): Promise<boolean> => {
    progress.end();
    return options['yes'] === true ? Promise.resolve(true) : confirm(question);
  };
  const mayAdd = (line: string): Promise<boolean> =>
    mayDo(`For the kernel mount this line is added to /etc/fstab:\n  ${line}\nAdd it?`);
  const kernelMount = options['kernelMount'] === true ? mayAdd : undefined;
  try {
    return size === 'none'
      ? await uncap(share, settings, mayDo)
      : await cap(share, size, settings, mayDo, kernelMount);
  } finally {
    progress.end();
  }
}

async function cap(
  share: string,
  size: number,
  settings: CreateOptions,
  mayRemove: Ask,
  kernelMount: Ask | undefined,
): Promise<SizeReport> {
  const old = await shareRecord(share);
  const notes = old === undefined ? [] : [...(await openVolume(old))];
  // Opening it may have undone an operation that was interrupted.
  const before = await shareRecord(share);
  if (before !== undefined) refuseOtherFolder(before, settings.imageFolder);
  let made: Created;
  if (before === undefined) made = await createVolume(share, size, await withShares(settings));
  else if (before.volume.size === size) made = { record: before, notes: [] };
  else made = await resizeVolume(before, size, settings);
  if (kernelMount !== undefined) {
    const instead = `mounted with ${made.record.volume.mount}`;
    whenInterrupted(`${printable(share)} is capped at ${formatSize(size)}, and ${instead}`);
    made = { ...made, record: await useKernelMount(made.record, settings.waitMs, kernelMount) };
  }
  const { engine, mount } = made.record.volume;
  whenInterrupted(`${printable(share)} is capped at ${formatSize(size)}`);
  const { usable } = await capacityOf(share, made.record.volume);
  const kept = await removeOriginals(made.record, mayRemove);
  const { image, folder } = volumeOf(share, made.record.volume);
  const report = {
    ...{ share, size, usable, engine, mount, notes: [...notes, ...made.notes] },
    ...(folder === undefined ? {} : { image }),
  };
  return kept === undefined ? report : { ...report, kept };
}

/** The originals of files that were moved in stay until the owner says that they may go. */
async function removeOriginals(
  { path, volume, leftover }: ShareRecord,
  mayRemove: Ask,
): Promise<string | undefined> {
  if (leftover === undefined) return undefined;
  const kept = printable(leftover);
  whenInterrupted(
    `${printable(path)} is capped, and the originals of its files may still be in ${kept}`,
  );
  const question = `The files are in the volume now, compared by checksum. Remove the originals in ${kept}?`;
  if (!(await mayRemove(question))) return leftover;
  rmSync(leftover, { recursive: true, force: true });
  await writeShareRecord(path, { path, volume });
  return undefined;
}

function readEngine(options: Options): EngineName | undefined {
  const value = text(options, 'engine');
  if (value === undefined || value === 'libguestfs' || value === 'e2fsprogs') return value;
  throw new PysyncError('USAGE', `--engine ${value} is not known`, {
    exitStatus: 2,
    hints: ['it is libguestfs or e2fsprogs'],
  });
}

function readImageFolder(options: Options): string | undefined {
  const folder = text(options, 'imageDir');
  if (folder === '')
    throw usage('--image-dir is empty', 'name a folder, such as --image-dir ~/images');
  return folder === undefined ? undefined : absolutePath(folder);
}

/** An image must not lie where a peer can change it. */
async function withShares(settings: CreateOptions): Promise<CreateOptions> {
  const { keys } = await importedKeys();
  const shares = keys.map(({ policy }) => policy.share);
  return { ...settings, shares: [...shares, ...(await cappedShares()).map(({ path }) => path)] };
}

/** An image stays where it was made. */
function refuseOtherFolder({ path, volume }: ShareRecord, wanted: string | undefined): void {
  if (wanted === undefined) return;
  const folder = dirname(volumeOf(path, volume).image);
  if (wanted === folder || realPathOf(wanted) === realPathOf(folder)) return;
  throw usage(
    `--image-dir is for a new cap, and the disk image of ${printable(path)} is in ${printable(folder)}`,
    'to move it: take the cap away with --size none, then cap the share again',
  );
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
