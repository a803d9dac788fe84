/**
 * What mount tools write when they fail, as a person can use it. Each line was seen from the real
 * tool; test/integration/volume/mounts.test.ts makes them fail again.
 */
import { printable } from '../../system/text.js';

const reasons: readonly (readonly [RegExp, string])[] = [
  [/mountpoint is not empty|directory is not empty/, 'the directory is not empty'],
  [/device not found, try 'modprobe fuse'/, '/dev/fuse is missing: sudo modprobe fuse'],
  [/\/dev\/fuse: (?:Permission denied|Operation not permitted)/, 'this user may not use /dev/fuse'],
  [/failed to exec fusermount|fusermount3?: not found/, 'fusermount3 is not installed'],
  [/no write access to mountpoint/, 'the directory is not yours'],
  [/too many FUSE filesystems mounted/, 'too many are mounted already: see /etc/fuse.conf'],
  [/Bad magic number|wrong fs type/, 'the image holds no file system that can be used'],
  [/needs cleaning|superblock checksum/i, 'the image is damaged: e2fsck -fy mends it'],
  [/failed to setup loop device/, 'there is no loop device to be had'],
  [/only root can|must be superuser|can't find in \/etc\/fstab/, 'only root may mount this'],
];

/** The reason behind a mount tool's `stderr`; its own last words where they are not known. */
export function reasonOf(stderr: string): string {
  const known = reasons.find(([pattern]) => pattern.test(stderr));
  if (known !== undefined) return known[1];
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return last === '' ? 'the tool gave no reason' : printable(last);
}
