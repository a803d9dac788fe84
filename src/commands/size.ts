/** `--size`: gives a share a cap, changes it, or takes it away. */
import { rmSync } from 'node:fs';
import { PysyncError } from '../errors.js';
import type { ShareRecord } from '../share/registry.js';
import { shareRecord, writeShareRecord } from '../share/registry.js';
import { confirm } from '../system/confirm.js';
import { whenInterrupted } from '../system/interrupt.js';
import { startProgress } from '../system/progress.js';
import { formatSize, parseSize } from '../system/sizes.js';
import { printable } from '../system/text.js';
import { capacityOf } from '../volume/capacity.js';
import { createVolume } from '../volume/create.js';
import type { CreateOptions, Created } from '../volume/create.js';
import { minimumSize } from '../volume/layout.js';
import { forgetKernelMount, useKernelMount } from '../volume/kernel-mount.js';
import { openVolume } from '../volume/open.js';
import { resizeVolume } from '../volume/resize.js';
import { uncapVolume } from '../volume/uncap.js';
import type { EngineName } from '../volume/volume.js';
import { text, usage } from './options.js';
import type { Options } from './options.js';
import type { SizeReport } from './size-report.js';

/** The cap a person asked for: bytes, or `none`. Throws PysyncError `USAGE`. */
export function readSize(options: Options): number | 'none' {
  const value = text(options, 'size') ?? '';
  if (value === 'none') return value;
  const size = Math.floor(parseSize(value) / 4096) * 4096;
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

type Ask = (question: string) => Promise<boolean>;

async function cap(
  share: string,
  size: number,
  settings: CreateOptions,
  mayRemove: Ask,
  kernelMount: Ask | undefined,
): Promise<SizeReport> {
  const old = await shareRecord(share);
  const notes = old === undefined ? [] : [...(await openVolume(old))];
  // Opening it may have undone an operation that was broken off.
  const before = await shareRecord(share);
  let made: Created;
  if (before === undefined) made = await createVolume(share, size, settings);
  else if (before.volume.size === size) made = { record: before, notes: [] };
  else made = await resizeVolume(before, size, settings);
  if (kernelMount !== undefined) {
    const instead = `mounted with ${made.record.volume.mount}`;
    whenInterrupted(`${printable(share)} is capped at ${formatSize(size)}, and ${instead}`);
    made = { ...made, record: await useKernelMount(made.record, settings.waitMs, kernelMount) };
  }
  const { engine, mount, overhead } = made.record.volume;
  whenInterrupted(`${printable(share)} is capped at ${formatSize(size)}`);
  const { usable } = await capacityOf(share, overhead);
  const kept = await removeOriginals(made.record, mayRemove);
  const report = { share, size, usable, engine, mount, notes: [...notes, ...made.notes] };
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

async function uncap(share: string, settings: CreateOptions, mayRemove: Ask): Promise<SizeReport> {
  const record = await shareRecord(share);
  if (record === undefined) return { share, size: null, notes: [] };
  const uncapped = await uncapVolume(record, settings);
  const { image } = uncapped;
  const kept = image === undefined ? '' : `; its disk image may still be ${printable(image)}`;
  whenInterrupted(`${printable(share)} has no size cap any more${kept}`);
  const notes = [...uncapped.notes];
  if (record.leftover !== undefined) {
    notes.push(`files from when the share was capped are still kept in ${record.leftover}`);
  }
  const useless = await forgetKernelMount(record, (line) =>
    mayRemove(`This line of /etc/fstab is of no use any more:\n  ${line}\nRemove it?`),
  );
  if (useless !== undefined) notes.push(useless);
  if (image === undefined) return { share, size: null, notes };
  const question = `The files are out of the volume, compared by checksum. Remove its image ${printable(image)}?`;
  if (!(await mayRemove(question))) return { share, size: null, kept: image, notes };
  rmSync(image, { force: true });
  return { share, size: null, notes };
}

function readEngine(options: Options): EngineName | undefined {
  const value = text(options, 'engine');
  if (value === undefined || value === 'libguestfs' || value === 'e2fsprogs') return value;
  throw new PysyncError('USAGE', `--engine ${value} is not known`, {
    exitStatus: 2,
    hints: ['it is libguestfs or e2fsprogs'],
  });
}
