/** Unmounting, by what the mount table says: a volume may have been mounted in any of the ways. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PysyncError } from '../../errors.js';
import { run } from '../../system/run.js';
import { printable } from '../../system/text.js';
import { isImageFree, patience } from '../image-lock.js';
import { holderOf, loopDeviceOf, mountAt } from '../mount-table.js';
import type { MountEntry } from '../mount-table.js';
import type { MountRequest } from './mount.js';

/**
 * Unmounts, and waits until all is written and nothing has the image open any more.
 *
 * Sandboxes that keep a copy of the mount are looked for first, and it is refused then: the file
 * system would live on for them. One that starts in between is noticed by the wait: `MOUNT_BUSY`
 * then says that the path is unmounted already.
 */
export async function unmount(request: MountRequest): Promise<void> {
  const entry = mountAt(request.mountPoint);
  if (entry !== undefined) {
    const holder = holderOf(entry);
    if (holder !== undefined) {
      const who = `${printable(holder.name)} (process ${holder.pid})`;
      throw mountBusy(request.mountPoint, `is in use by ${who}`);
    }
    const stderr = await detach(entry);
    if (mountAt(request.mountPoint)?.id === entry.id) {
      throw mountBusy(request.mountPoint, 'is in use', stderr);
    }
  }
  await waitForRelease(request);
}

/**
 * Removes a mount whose program has died (`stale`): all that this had not written died with it.
 * Throws PysyncError `MOUNT_FAILED` where it stays.
 */
export async function cleanStale(mountPoint: string): Promise<void> {
  const entry = mountAt(mountPoint);
  if (entry === undefined) return;
  // -z: also where it is some process's working directory, which gets nothing but errors there.
  const stderr = await detach(entry, ['-u', '-z']);
  if (mountAt(mountPoint)?.id !== entry.id) return;
  throw new PysyncError(
    'MOUNT_FAILED',
    `could not remove the dead mount on ${printable(mountPoint)}`,
    { hints: [`as root: umount -l ${printable(mountPoint)}`], cause: stderr },
  );
}

/** Unmounts, and returns the tool's complaints; the mount table says whether it worked. */
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

function mountBusy(mountPoint: string, how: string, cause?: string): PysyncError {
  return new PysyncError('MOUNT_BUSY', `${printable(mountPoint)} ${how}`, {
    hints: [`wait until it has ended; who it is: fuser -vm ${printable(mountPoint)}`],
    cause,
  });
}

/** Waits until nothing has the unmounted image open. Throws `MOUNT_BUSY` after two minutes. */
async function waitForRelease({ image, imageLock, mountPoint }: MountRequest): Promise<void> {
  const deadline = Date.now() + patience * 1000;
  let isFree = await isImageFree(imageLock, patience);
  while (isFree && loopDeviceOf(image) !== undefined) {
    isFree = Date.now() <= deadline;
    await sleep(5);
  }
  if (isFree) return;
  throw mountBusy(
    mountPoint,
    'is unmounted, but something is still writing, or has its files open',
  );
}
