/**
 * Mounting with the image's lock held, as all the ways of mounting do it. No tool's exit status is
 * believed: fuse2fs ends with 0 when it could not mount. What counts is the mount table, and a file
 * system that answers.
 */
import { readdirSync } from 'node:fs';
import { PysyncError } from '../../errors.js';
import { fileFailure } from '../../system/failures.js';
import { run } from '../../system/run.js';
import { printable } from '../../system/text.js';
import { isMountedFrom, loopDeviceOf, mountAt, placeElsewhere } from '../mount-table.js';
import { inPlace, requirePlace } from '../place.js';
import type { MountRequest } from './mount.js';
import { detach } from './unmount.js';

/**
 * Has `tool` mount the image while the image's lock is held, and proves that it did. A tool that
 * stays as a daemon inherits the lock and holds it until it has written everything and ended.
 */
export async function mountLocked(
  request: MountRequest,
  tool: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  await requireFree(request);
  const { stdout, stderr } = await run(tool, args, {
    ...options,
    // A moment, for those who only see whether it is free.
    holds: { file: request.imageLock, waitSeconds: 2 },
    purpose: `mount ${printable(request.image)}`,
    expectExit: 'any',
  }).catch((error: unknown) => {
    const isTaken = error instanceof PysyncError && error.code === 'FILE_LOCKED';
    throw isTaken ? imageBusy(request) : error;
  });
  await requireMounted(request, stdout + stderr);
}

/** Throws where the image is in use, or the mount point is not an empty directory. */
async function requireFree(request: MountRequest): Promise<void> {
  requirePlace(request.mountPoint);
  // A kernel mount holds no lock.
  if (loopDeviceOf(request.image) !== undefined) throw imageBusy(request);
  if (placeElsewhere(request.image, request.mountPoint) !== undefined) throw imageBusy(request);
  if (mountAt(request.mountPoint) !== undefined) {
    const state = await isMountedFrom(request.mountPoint, request.image);
    throw state === 'mounted'
      ? imageBusy(request)
      : notMounted(request, 'something is mounted there');
  }
  let names: string[];
  try {
    names = inPlace(request.mountPoint, (entered) => readdirSync(entered));
  } catch (error) {
    throw fileFailure(error, `mount on ${printable(request.mountPoint)}`);
  }
  // The mount would hide the files, and nobody would find them.
  if (names.length > 0) throw notMounted(request, 'the directory is not empty');
}

async function requireMounted(request: MountRequest, output: string): Promise<void> {
  const { image, mountPoint } = request;
  const isMounted = (await isMountedFrom(mountPoint, image)) === 'mounted';
  // Nothing was mounted there before, so what is there now is the tool's doing.
  const entry = mountAt(mountPoint);
  if (isMounted && entry?.mountPoint === mountPoint) return;
  if (entry !== undefined) await detach(entry);
  // SECURITY: a tool follows links, so one that took the mount point's place since it was looked at
  // has led it elsewhere (test/integration/volume/place.test.ts).
  const elsewhere = mountAt(placeElsewhere(image, mountPoint) ?? mountPoint);
  if (elsewhere !== undefined) await detach(elsewhere);
  requirePlace(mountPoint);
  throw notMounted(request, reasonOf(output), output);
}

function notMounted(request: MountRequest, reason: string, cause?: string): PysyncError {
  const { image, mountPoint } = request;
  return new PysyncError(
    'MOUNT_FAILED',
    `could not mount ${printable(image)} on ${printable(mountPoint)}: ${reason}`,
    { cause },
  );
}

function imageBusy({ image }: MountRequest): PysyncError {
  return new PysyncError('IMAGE_BUSY', `the image ${printable(image)} is in use`, {
    hints: ['another program has it mounted or open; try again when it has ended'],
  });
}

/**
 * What mount tools write when they fail, in words for a person. Each was seen from the real tool:
 * test/integration/volume/mount-failures.test.ts reproduces most of them.
 */
const reasons: readonly (readonly [RegExp, string])[] = [
  [/mountpoint is not empty|directory is not empty/, 'the directory is not empty'],
  [/device not found, try 'modprobe fuse'/, '/dev/fuse is missing: sudo modprobe fuse'],
  [/\/dev\/fuse: (?:Permission denied|Operation not permitted)/, 'this user may not use /dev/fuse'],
  [/failed to exec fusermount/, 'fusermount3 is not installed'],
  [/no write access to mountpoint/, 'the directory is not yours'],
  [/too many FUSE filesystems mounted/, 'too many are mounted already: see /etc/fuse.conf'],
  [/Bad magic number|wrong fs type/, 'the image holds no file system that can be used'],
  [
    /probably corrupted|Structure needs cleaning|Bad message/,
    'the image is damaged: e2fsck -fy repairs it',
  ],
  [/failed to setup loop device/, 'there is no loop device to be had'],
  [/can't find in \/etc\/fstab/, 'only root may mount this'],
];

/** The reason in a mount tool's `output`; its own last words where it is none of these. */
export function reasonOf(output: string): string {
  const known = reasons.find(([pattern]) => pattern.test(output));
  if (known !== undefined) return known[1];
  const lines = output.split('\n').map((line) => line.trim());
  const last = lines.findLast((line) => line !== '' && !line.startsWith('dmesg(1) may'));
  return last === undefined ? 'the tool gave no reason' : printable(last);
}
