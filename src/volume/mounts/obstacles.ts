/** Why a way of mounting cannot be taken, where several have it in common. */
import { accessSync, constants, existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../../errors.js';
import { printable } from '../../system/text.js';
import { lookForTool } from '../../system/tools.js';

/** Why this user cannot mount with FUSE here, by a `tool` that serves the file system. */
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
 * whoever can replace it has another file mounted in its place. So it, and its folder, must be the
 * user's own (test/integration/volume/mount-failures.test.ts).
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
