/** What the ways of mounting that serve the file system from a program (FUSE) have in common. */
import { accessSync, constants, existsSync } from 'node:fs';
import { PysyncError } from '../../errors.js';
import { printable } from '../../system/text.js';
import { run } from '../../system/run.js';
import { lookForTool } from '../../system/tools.js';
import { mountAt } from '../mount-table.js';
import { mountBusy, requireNoCopies, setuidObstacle, waitForRelease } from './checks.js';
import type { MountRequest } from './mount.js';

/** Why this user cannot mount with FUSE here, by a `tool` that brings the file system. */
export function fuseObstacle(tool: string): string | undefined {
  for (const needed of [tool, 'fusermount3', 'flock']) {
    if (lookForTool(needed) === undefined) return `${needed} is not installed`;
  }
  if (!existsSync('/dev/fuse')) return '/dev/fuse is missing: sudo modprobe fuse';
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch {
    return 'you may not use /dev/fuse: sudo chmod 666 /dev/fuse';
  }
  return process.geteuid?.() === 0 ? undefined : setuidObstacle(lookForTool('fusermount3') ?? '');
}

/**
 * Unmounts, and waits until the program has written everything and ended.
 *
 * Sandboxes that keep a copy of the mount are looked for first, and refuse the unmount: after it
 * the program would run on for them. One that starts in the very moment in between is met by the
 * wait: `MOUNT_BUSY` then says that the path is unmounted already.
 */
export async function unmountFuse(request: MountRequest): Promise<void> {
  const entry = mountAt(request.mountPoint);
  if (entry !== undefined) {
    requireNoCopies(request, entry);
    const stderr = await fusermount(['-u', '--', request.mountPoint]);
    if (mountAt(request.mountPoint)?.id === entry.id) throw mountBusy(request, undefined, stderr);
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
  const stderr = await fusermount(['-u', '-z', '--', mountPoint]);
  if (mountAt(mountPoint)?.id !== entry.id) return;
  throw new PysyncError(
    'MOUNT_FAILED',
    `could not take the dead mount on ${printable(mountPoint)} away`,
    { hints: [`as root: umount -l ${printable(mountPoint)}`], cause: stderr },
  );
}

/** Runs fusermount3 and gives what it complained about; whether it worked, the mount table says. */
async function fusermount(args: readonly string[]): Promise<string> {
  const options = { purpose: 'unmount the volume', expectExit: [0, 1] };
  return (await run('fusermount3', args, options)).stderr;
}
