/** fuse2fs: any user, nothing to set up; 3 to 7 MB of memory. See fuse2fs(1). */
import { run } from '../../system/run.js';
import { mountLocked } from './mount-locked.js';
import type { MountMethod, MountRequest } from './mount.js';
import { fuseObstacle } from './obstacles.js';
import { unmount } from './unmount.js';

export const fuse2fs: MountMethod = {
  name: 'fuse2fs',
  obstacle: ({ image }) => {
    // It hands the image's name to libfuse as an option, and options are separated by commas.
    if (/[,\\]/.test(image)) return 'the path of the image has a comma or a backslash in it';
    return fuseObstacle('fuse2fs');
  },
  mount: async (request) => {
    const { stdout, stderr } = await run('fuse2fs', ['-V'], {
      purpose: 'see which fuse2fs this is',
      expectExit: [0, 1],
    });
    await mountLocked(request, 'fuse2fs', fuse2fsArguments(request, stdout + stderr));
  },
  unmount,
};

/**
 * `version` is what `fuse2fs -V` prints.
 *
 * fakeroot: otherwise fuse2fs, besides the kernel, judges by mode bits on its own, and rsync fails on
 * directories and files that their owner may not write. default_permissions: the kernel judges.
 */
export function fuse2fsArguments(request: MountRequest, version: string): string[] {
  const options = ['fakeroot', 'default_permissions', 'nosuid', 'nodev', 'noexec'];
  // libfuse 3 does some of it by itself, and refuses the words.
  if (version.includes('FUSE library version: 2')) {
    options.push(...libfuse2Options, `fsname=${request.image}`);
  }
  if (request.readOnly === true) options.push('ro');
  return [request.image, request.mountPoint, '-o', options.join(',')];
}

/**
 * big_writes, max_write: writes come in 4 KiB pieces otherwise.
 *
 * The timeouts, in seconds, let the kernel remember what a file is like, and that there is none of
 * a name: half of all requests are about that, and fuse2fs looks through whole directories for each.
 * Only briefly what it is like, since a file with hard links that is changed under one name looks for
 * so long as it was under the others; what rsync asks again, it asks within milliseconds. fuse2fs
 * sets 0, after our words; what follows `no_default_opts` is what it would set besides.
 */
const libfuse2Options = [
  'big_writes',
  'max_write=131072',
  'attr_timeout=0.1',
  'negative_timeout=1',
  'no_default_opts',
  'kernel_cache',
  'subtype=ext4',
  'use_ino',
];
