/**
 * guestmount: libguestfs serves the file system from a small virtual machine. See guestmount(1).
 *
 * The last resort: 25 s to start, 480 MB of memory, some 16 files a second. Inside the image all it
 * makes belongs to root; `uid` and `gid` only show it as the user's for as long as it is mounted.
 */
import { PysyncError } from '../../errors.js';
import { mountLocked } from './checks.js';
import { fuseObstacle, unmountFuse } from './fuse.js';
import type { MountMethod, MountRequest } from './mount.js';

const startLimitMs = 180_000;

export const guestmount: MountMethod = {
  name: 'guestmount',
  obstacle: ({ image }) => {
    if (/[,\\]/.test(image)) return 'the path of the image has a comma or a backslash in it';
    return fuseObstacle('guestmount');
  },
  mount: async (request) => {
    try {
      await start(request, {});
    } catch (error) {
      if (!isBrokenKvm(error)) throw error;
      await start(request, { LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' });
    }
  },
  unmount: unmountFuse,
};

async function start(request: MountRequest, env: Readonly<Record<string, string>>): Promise<void> {
  await mountLocked(request, 'guestmount', guestmountArguments(request), {
    timeoutMs: startLimitMs,
    env: { LIBGUESTFS_BACKEND: 'direct', ...env },
  });
}

function guestmountArguments({ image, mountPoint, readOnly }: MountRequest): string[] {
  const own = `uid=${process.geteuid?.() ?? 0},gid=${process.getegid?.() ?? 0}`;
  const options = `${own},nosuid,nodev,noexec,fsname=${image}`;
  const mode = readOnly === true ? '--ro' : '--rw';
  return [mode, '--format=raw', '-a', image, '-m', '/dev/sda', '-o', options, mountPoint];
}

/** qemu aborts at once where /dev/kvm is there and does not work. */
function isBrokenKvm(error: unknown): boolean {
  if (!(error instanceof PysyncError) || error.code !== 'MOUNT_FAILED') return false;
  return /guestfs_launch failed|killed by signal 6/.test(String(error.cause));
}
