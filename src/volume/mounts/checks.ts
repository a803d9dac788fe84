/**
 * What the ways of mounting have in common. No tool's exit status is believed: fuse2fs ends with 0
 * when it could not mount. What counts is the mount table, and a file system that answers.
 */
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, PysyncError } from '../../errors.js';
import { fileFailure } from '../../system/failures.js';
import { run } from '../../system/run.js';
import { printable } from '../../system/text.js';
import { findTool } from '../../system/tools.js';
import { holderOf, isMountedFrom, loopDeviceOf, mountAt } from '../mount-table.js';
import type { MountEntry } from '../mount-table.js';
import { reasonOf } from './reasons.js';
import type { MountRequest } from './mount.js';

/** flock(1) ends with this where the lock is taken; no mount tool does. */
const lockTaken = 75;
const releaseLimitSeconds = 30;

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
  let stderr: unknown;
  try {
    const lock = ['-n', '-E', String(lockTaken), request.imageLock];
    const result = await run('flock', [...lock, findTool(tool), ...args], {
      ...options,
      purpose: `mount ${printable(request.image)}`,
      expectExit: [0, lockTaken],
    });
    if (result.exitCode === lockTaken) throw imageBusy(request);
    ({ stderr } = result);
  } catch (error) {
    if (!(error instanceof PysyncError) || error.code !== 'TOOL_FAILED') throw error;
    stderr = error.cause;
  }
  await requireMounted(request, typeof stderr === 'string' ? stderr : '');
}

/** Throws where the image is in use, or the mount point is not an empty directory. */
async function requireFree(request: MountRequest): Promise<void> {
  // A kernel mount holds no lock.
  if (loopDeviceOf(request.image) !== undefined) throw imageBusy(request);
  if (mountAt(request.mountPoint) !== undefined) {
    const state = await isMountedFrom(request.mountPoint, request.image);
    throw state === 'mounted'
      ? imageBusy(request)
      : notMounted(request, 'something is mounted there');
  }
  let names: string[];
  try {
    names = readdirSync(request.mountPoint);
  } catch (error) {
    throw fileFailure(error, `mount on ${printable(request.mountPoint)}`);
  }
  // The kernel would hide the files, and nobody would find them.
  if (names.length > 0) throw notMounted(request, 'the directory is not empty');
}

async function requireMounted(request: MountRequest, stderr: string): Promise<void> {
  if ((await isMountedFrom(request.mountPoint, request.image)) !== 'mounted') {
    throw notMounted(request, reasonOf(stderr), stderr);
  }
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

/** Throws `MOUNT_BUSY` where a sandbox keeps a copy of the mount, which unmounting would not end. */
export function requireNoCopies(request: MountRequest, entry: MountEntry): void {
  const holder = holderOf(entry);
  if (holder === undefined) return;
  throw mountBusy(request, `is in use by ${printable(holder.name)} (process ${holder.pid})`);
}

export function mountBusy(
  { mountPoint }: MountRequest,
  how = 'is in use',
  cause?: string,
): PysyncError {
  return new PysyncError('MOUNT_BUSY', `${printable(mountPoint)} ${how}`, {
    hints: [`wait until it has ended; who it is: fuser -vm ${printable(mountPoint)}`],
    cause,
  });
}

/**
 * Waits until nothing has the unmounted image open. Throws `MOUNT_BUSY` where something has it for
 * longer than 30 s.
 */
export async function waitForRelease(request: MountRequest): Promise<void> {
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
  throw mountBusy(request, 'is unmounted, but something still has its files open');
}

/**
 * What makes the programs that become root for a user (mount, fusermount3) unfit: undefined where
 * `path` is one that will do.
 */
export function setuidObstacle(path: string): string | undefined {
  const { mode, uid } = statSync(path);
  if ((mode & 0o4000) === 0 || uid !== 0) return `${path} is not setuid root`;
  // prctl(2), PR_SET_NO_NEW_PRIVS: setuid does nothing then, for this process and all it starts.
  const isBarred = /^NoNewPrivs:\s*1$/m.test(readFileSync('/proc/self/status', 'utf8'));
  return isBarred ? 'this session may not gain privileges (no_new_privs)' : undefined;
}

/**
 * Why the kernel must not be given this image.
 *
 * SECURITY: whoever can write an image that the kernel mounts can attack the kernel with it, and
 * whoever can replace it has another file mounted in its stead. So it, and its folder, must be the
 * user's own (test/integration/volume/mounts.test.ts).
 */
export function ownershipObstacle(image: string): string | undefined {
  const isOwn = (path: string): boolean => {
    const { uid, mode } = lstatSync(path);
    return uid === process.geteuid?.() && (mode & 0o022) === 0;
  };
  try {
    if (!isOwn(dirname(image))) return `others can write to ${printable(dirname(image))}`;
    const stats = lstatSync(image, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (!stats.isFile()) return `${printable(image)} is not a regular file`;
    return isOwn(image) ? undefined : `others can write to ${printable(image)}`;
  } catch (error) {
    return `${printable(image)} cannot be looked at (${errnoOf(error) ?? 'unknown'})`;
  }
}
