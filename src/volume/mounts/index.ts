/** The ways of mounting, fastest first. A new one is one file and one line here. */
import { PysyncError } from '../../errors.js';
import type { MountName } from '../volume.js';
import { fuse2fs } from './fuse2fs.js';
import { guestmount } from './guestmount.js';
import { loop } from './loop.js';
import type { MountMethod, MountRequest } from './mount.js';

export { addFstabLine, fstabLine, removeFstabLine } from './fstab.js';
export { cleanStale } from './unmount.js';

const methods: Readonly<Record<MountName, MountMethod>> = { loop, fuse2fs, guestmount };

export const mountMethods: readonly MountMethod[] = Object.values(methods);

export function mountMethod(name: MountName): MountMethod {
  return methods[name];
}

/** The fastest way that can be taken. Throws PysyncError `MOUNT_IMPOSSIBLE` where none can. */
export function chooseMount(request: MountRequest): MountMethod {
  const obstacles: string[] = [];
  for (const method of mountMethods) {
    const obstacle = method.obstacle(request);
    if (obstacle === undefined) return method;
    obstacles.push(`${method.name}: ${obstacle}`);
  }
  throw new PysyncError('MOUNT_IMPOSSIBLE', 'a volume cannot be mounted on this machine', {
    hints: [...obstacles, 'on Debian or Ubuntu: sudo apt-get install fuse2fs fuse3'],
  });
}
