/** The flock(2) that a FUSE program holds for as long as it has an image open. */
import { existsSync } from 'node:fs';
import { PysyncError } from '../errors.js';
import { run } from '../system/run.js';

/** What `flock -n` ends with where somebody else has the lock. */
const taken = 75;

/** Whether a program has the image of this lock file open. */
export async function isImageLocked(lockFile: string): Promise<boolean> {
  if (!existsSync(lockFile)) return false;
  const { exitCode } = await run('flock', ['-n', '-E', String(taken), lockFile, 'true'], {
    purpose: 'see whether the volume is in use',
    expectExit: [0, taken],
  });
  return exitCode === taken;
}

/** Waits until no program has the image open. Throws PysyncError `IMAGE_BUSY` after two minutes. */
export async function waitForImage(lockFile: string): Promise<void> {
  const { exitCode } = await run('flock', ['-w', '120', '-E', String(taken), lockFile, 'true'], {
    purpose: 'wait for the volume',
    expectExit: [0, taken],
    timeoutMs: 130_000,
  });
  if (exitCode === 0) return;
  throw new PysyncError('IMAGE_BUSY', 'a program still has the volume open', {
    hints: [`see which: fuser ${lockFile}`],
  });
}
