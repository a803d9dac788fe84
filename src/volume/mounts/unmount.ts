/**
 * Unmounting, which is the same for all ways of mounting: what is there is seen from the mount
 * table, so that a volume can be unmounted whichever way it was mounted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PysyncError } from '../../errors.js';
import { run } from '../../system/run.js';
import { printable } from '../../system/text.js';
import { holderOf, loopDeviceOf, mountAt } from '../mount-table.js';
import type { MountEntry } from '../mount-table.js';
import type { MountRequest } from './mount.js';

/** A slow disk that has gigabytes to write takes its time for the closing fsync. */
const releaseLimitSeconds = 120;
/** What flock(1) is told to end with where the lock is taken. */
const lockTaken = 75;

/**
 * Unmounts, and waits until all is written and nothing has the image open any more.
 *
 * Sandboxes that keep a copy of the mount are looked for first, and refuse the unmount: the file
 * system would live on for them. One that starts in the very moment in between is met by the wait:
 * `MOUNT_BUSY` then says that the path is unmounted already.
 */
export async function unmount(request: MountRequest): Promise<void> {
  const entry = mountAt(request.mountPoint);
  if (entry !== undefined) {
    requireNoCopies(request.mountPoint, entry);
    const stderr = await detach(entry);
    if (mountAt(request.mountPoint)?.id === entry.id) {
      throw mountBusy(request.mountPoint, 'is in use', stderr);
    }
  }
  await waitForRelease(request);
}

/**
 * Takes a mount away whose program has died (`stale`). Nothing can be lost by it: all that the
 * program had not written died with it. Throws PysyncError `MOUNT_FAILED` where it stays.
 */
export async function cleanStale(mountPoint: string): Promise<void> {
  const entry = mountAt(mountPoint);
  if (entry === undefined) return;
  // -z: also where some process still stands in it, which gets nothing but errors there.
  const stderr = await detach(entry, ['-u', '-z']);
  if (mountAt(mountPoint)?.id !== entry.id) return;
  throw new PysyncError(
    'MOUNT_FAILED',
    `could not take the dead mount on ${printable(mountPoint)} away`,
    { hints: [`as root: umount -l ${printable(mountPoint)}`], cause: stderr },
  );
}

/** Has the entry unmounted, and gives the complaints; whether it worked, the mount table says. */
export async function detach(
  { type, mountPoint }: MountEntry,
  fuseOptions: readonly string[] = ['-u'],
): Promise<string> {
  const isFuse = type === 'fuse' || type.startsWith('fuse.');
  const [tool, options] = isFuse ? ['fusermount3', fuseOptions] : ['umount', []];
  const { stderr } = await run(tool, [...options, '--', mountPoint], {
    purpose: 'unmount the volume',
    // The kernel first writes out all that is still in memory.
    timeoutMs: 600_000,
    expectExit: [0, 1, 16, 32],
  });
  return stderr;
}

/** Throws `MOUNT_BUSY` where a sandbox keeps a copy of the mount, which unmounting would not end. */
function requireNoCopies(mountPoint: string, entry: MountEntry): void {
  const holder = holderOf(entry);
  if (holder === undefined) return;
  throw mountBusy(mountPoint, `is in use by ${printable(holder.name)} (process ${holder.pid})`);
}

function mountBusy(mountPoint: string, how = 'is in use', cause?: string): PysyncError {
  return new PysyncError('MOUNT_BUSY', `${printable(mountPoint)} ${how}`, {
    hints: [`wait until it has ended; who it is: fuser -vm ${printable(mountPoint)}`],
    cause,
  });
}

/**
 * Waits until nothing has the unmounted image open. Throws `MOUNT_BUSY` where something has it for
 * longer than `releaseLimitSeconds`.
 */
async function waitForRelease(request: MountRequest): Promise<void> {
  const deadline = Date.now() + releaseLimitSeconds * 1000;
  const wait = ['-w', String(releaseLimitSeconds), '-E', String(lockTaken), request.imageLock];
  const { exitCode } = await run('flock', [...wait, 'true'], {
    purpose: 'wait until the volume is written',
    timeoutMs: (releaseLimitSeconds + 10) * 1000,
    expectExit: [0, lockTaken],
  });
  let isHeld = exitCode === lockTaken;
  while (!isHeld && loopDeviceOf(request.image) !== undefined) {
    isHeld = Date.now() > deadline;
    await sleep(5);
  }
  if (!isHeld) return;
  throw mountBusy(
    request.mountPoint,
    'is unmounted, but something is still writing, or has its files open',
  );
}
