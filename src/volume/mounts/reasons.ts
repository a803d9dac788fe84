/**
 * What mount tools write when they fail, as a person can use it. Each was seen from the real tool;
 * test/integration/volume/mount-failures.test.ts makes most of them fail again.
 */
import { printable } from '../../system/text.js';

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
    'the image is damaged: e2fsck -fy mends it',
  ],
  [/failed to setup loop device/, 'there is no loop device to be had'],
  [/can't find in \/etc\/fstab/, 'only root may mount this'],
];

/** The reason behind a mount tool's `output`; its own last words where they are not known. */
export function reasonOf(output: string): string {
  const known = reasons.find(([pattern]) => pattern.test(output));
  if (known !== undefined) return known[1];
  const lines = output.split('\n').map((line) => line.trim());
  const last = lines.findLast((line) => line !== '' && !line.startsWith('dmesg(1) may'));
  return last === undefined ? 'the tool gave no reason' : printable(last);
}
