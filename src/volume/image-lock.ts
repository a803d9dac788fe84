/**
 * The flock(2) that a program holds for as long as it has an image open: two at once destroy it. The
 * program itself holds it, and not pysync, which may be killed while the program continues.
 */
import { existsSync } from 'node:fs';
import { run } from '../system/run.js';
import type { RunOptions, RunResult } from '../system/run.js';
import { lockOf } from './volume.js';

/** What flock(1) is told to end with where somebody else has the lock. */
const taken = 75;

/**
 * Seconds that whoever needs the image waits for the one who has it: a program whose pysync was killed
 * ends by itself, and a slow disk takes its time for the closing fsync.
 */
export const patience = 120;

/**
 * Runs a tool that opens the image, once nothing else has it open. Throws as `run` does, `FILE_LOCKED`
 * after two minutes; a new image, whose tools end with their pysync, is nobody else's.
 */
export function runOnImage(
  image: string,
  tool: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  return run(tool, args, {
    ...options,
    holds: { file: lockOf(image), waitSeconds: options.endsWithPysync === true ? 1 : patience },
  });
}

/** Whether no program has the image of this lock file open, or none after so many seconds. */
export async function isImageFree(lockFile: string, seconds: number): Promise<boolean> {
  if (!existsSync(lockFile)) return true;
  const words = ['-w', String(seconds), '-E', String(taken), lockFile, 'true'];
  const { exitCode } = await run('flock', words, {
    purpose: 'see whether the volume is in use',
    expectExit: [0, taken],
    timeoutMs: (seconds + 30) * 1000,
  });
  return exitCode === 0;
}
