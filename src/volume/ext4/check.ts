/** Checking and repairing an ext4 with e2fsck(8). */
import { statSync } from 'node:fs';
import { PysyncError } from '../../errors.js';
import { fileFailure } from '../../system/failures.js';
import { run } from '../../system/run.js';
import type { RunResult } from '../../system/run.js';
import { printable } from '../../system/text.js';
import { runOnImage } from '../image-lock.js';
import { damaged } from './damaged.js';
import { readHeader, sizeIn, stateIn } from './header.js';

/** Milliseconds: a full check reads every inode, and a volume may have terabytes. */
export const longTimeoutMs = 3_600_000;

/** What e2fsck(8) adds up to its exit status. */
export const uncorrected = 4;
const notRun = 8;

/** `checkAndRepair` of the contract. */
export async function checkAndRepair(image: string): Promise<'clean' | 'repaired'> {
  const header = await readHeader(image);
  refuseTruncated(image, header === undefined ? 0 : sizeIn(header));
  const wasClean = header !== undefined && stateIn(header) === 'clean';
  for (const how of ['-p', '-fy'] as const) {
    const result = await check(image, how);
    if (result.exitCode === 0 && how === '-p' && wasClean) return 'clean';
    if (result.exitCode < uncorrected) {
      await removeLostAndFound(image);
      return 'repaired';
    }
    refuseMounted(image, result);
  }
  throw damaged(image, 'could not be repaired');
}

/**
 * Removes `lost+found`: it is root's, so a sender who lists the share would get an error for it.
 * e2fsck creates it whenever it looks through the whole file system. One with found files in it is
 * given to the owner of the volume's root.
 */
export async function removeLostAndFound(image: string): Promise<void> {
  // debugfs exits with 0 whatever happened; its standard error says what it could not do.
  const { stderr } = await debugfs(image, 'rmdir lost+found');
  if (!stderr.includes('not empty')) return;
  const { stdout } = await run('debugfs', ['-R', 'stat <2>', image], {
    purpose: 'read the volume',
  });
  const [, uid, gid] = /User:\s*(\d+)\s+Group:\s*(\d+)/.exec(stdout) ?? [];
  if (uid === undefined || gid === undefined) return;
  await debugfs(image, `set_inode_field lost+found uid ${uid}`);
  await debugfs(image, `set_inode_field lost+found gid ${gid}`);
}

export function check(image: string, how: '-p' | '-fp' | '-fy'): Promise<RunResult> {
  return runOnImage(image, 'e2fsck', [how, image], {
    purpose: 'check the volume',
    timeoutMs: longTimeoutMs,
    // A sum of what it did.
    expectExit: 'any',
  });
}

export function debugfs(image: string, command: string): Promise<RunResult> {
  const options = { purpose: 'edit the volume' };
  return runOnImage(image, 'debugfs', ['-w', '-R', command, image], options);
}

/** e2fsck would take what is behind the end for damage, and remove the files in it. */
function refuseTruncated(image: string, wanted: number): void {
  let size: number;
  try {
    ({ size } = statSync(image));
  } catch (error) {
    throw fileFailure(error, `read the disk image ${printable(image)}`);
  }
  if (size >= wanted) return;
  throw damaged(image, `was cut off: it has ${size} bytes instead of ${wanted}`);
}

function refuseMounted(image: string, { exitCode, stderr, stdout }: RunResult): void {
  if ((exitCode & notRun) === 0 || !/is mounted|is in use/.test(stderr + stdout)) return;
  throw new PysyncError('IMAGE_BUSY', `${printable(image)} is in use by something else`, {
    hints: ['see what holds it: losetup --list, or fuser IMAGE'],
  });
}
