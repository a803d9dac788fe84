/**
 * guestmount: libguestfs serves the file system from a small virtual machine. See guestmount(1).
 *
 * The last resort: 25 s to start, 480 MB of memory, some 16 files a second. Inside the image all it
 * makes belongs to root; `uid` and `gid` only show it as the user's for as long as it is mounted.
 */
import { PysyncError } from '../../errors.js';
import { run } from '../../system/run.js';
import { brokenKvm, kvmObstacle } from '../kvm.js';
import { isMountedFrom } from '../mount-table.js';
import { mountLocked } from './mount-locked.js';
import type { MountMethod, MountRequest } from './mount.js';
import { fuseObstacle } from './obstacles.js';
import { unmount } from './unmount.js';

const user = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };

/** Milliseconds; under emulation it takes 25 s on an idle machine. */
const startLimitMs = 180_000;
/** Where /dev/kvm can be used; a broken one makes qemu abort or hang. */
const kvmStartLimitMs = 60_000;

export const guestmount: MountMethod = {
  name: 'guestmount',
  obstacle: ({ image }) => {
    if (/[,\\]/.test(image)) return 'the path of the image has a comma or a backslash in it';
    return fuseObstacle('guestmount');
  },
  mount: async (request) => {
    if (kvmObstacle() === undefined) {
      try {
        await start(request, kvmStartLimitMs, {});
        return;
      } catch (error) {
        if (!isBrokenKvm(error)) throw error;
      }
    }
    await start(request, startLimitMs, { LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' });
  },
  unmount: async (request) => {
    if (request.readOnly !== true) await giveToUser(request);
    await unmount(request);
  },
};

async function start(
  request: MountRequest,
  timeoutMs: number,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  await mountLocked(request, 'guestmount', guestmountArguments(request), {
    timeoutMs,
    env: { LIBGUESTFS_BACKEND: 'direct', ...env },
  });
}

/** Otherwise the other ways of mounting would show its files as root's, closed to the user. */
async function giveToUser({ mountPoint, image }: MountRequest): Promise<void> {
  if ((await isMountedFrom(mountPoint, image)) !== 'mounted') return;
  await run('chown', ['-Rh', `${user.uid}:${user.gid}`, '--', mountPoint], {
    purpose: 'give the files to you',
    timeoutMs: 600_000,
    // A file that vanishes meanwhile.
    expectExit: [0, 1],
  });
}

function guestmountArguments({ image, mountPoint, readOnly }: MountRequest): string[] {
  const options = [
    `uid=${user.uid}`,
    `gid=${user.gid}`,
    'nosuid',
    'nodev',
    'noexec',
    `fsname=${image}`,
  ];
  // Of several in one -o, it takes the first alone.
  const each = options.flatMap((option) => ['-o', option]);
  const mode = readOnly === true ? '--ro' : '--rw';
  return [mode, '--format=raw', '-a', image, '-m', '/dev/sda', ...each, mountPoint];
}

function isBrokenKvm(error: unknown): boolean {
  if (!(error instanceof PysyncError)) return false;
  if (error.code === 'TOOL_TIMED_OUT') return true;
  return error.code === 'MOUNT_FAILED' && brokenKvm.test(String(error.cause));
}
