/** Copying a whole tree into a volume or out of it, and proving that the copy is the same. */
import { statfs } from 'node:fs/promises';
import { PysyncError } from '../errors.js';
import { run } from '../system/run.js';
import { formatSize } from '../system/sizes.js';
import { printable } from '../system/text.js';

/**
 * Modes, times, hard links, ACLs, extended attributes and holes are kept; links are copied as
 * links. `--numeric-ids`, since both sides are this machine.
 */
const keepAll = ['-aHAXS', '--numeric-ids'];

/** Otherwise it would continue, into folders that the next pysync has removed by then. */
const endsWithPysync = true;

/**
 * Copies what is in `from` into `to`, an empty directory. Throws PysyncError `COPY_FAILED` with
 * rsync's reason, `COPY_NO_SPACE` where it does not fit.
 */
export async function copyTree(
  from: string,
  to: string,
  onProgress: (text: string) => void,
): Promise<void> {
  const errors: string[] = [];
  const { exitCode, stderr } = await run(
    'rsync',
    [...keepAll, '--fsync', '--info=progress2', '--no-inc-recursive', `${from}/`, `${to}/`],
    {
      purpose: `copy ${from}`,
      timeoutMs: 0,
      endsWithPysync,
      expectExit: 'any',
      onLine: (line) => {
        const [, done = '', percent = '', rate = '', left = ''] =
          /^\s*([\d,]+)\s+(\d+%)\s+(\S+)\s+(\d+:\d+:\d+)/.exec(line) ?? [];
        if (percent !== '') onProgress(`copying: ${percent}, ${done} bytes, ${rate}, ${left} left`);
        else if (line.startsWith('rsync:')) errors.push(line);
      },
    },
  );
  if (exitCode === 0) return;
  if (stderr.includes('No space left on device')) {
    const { files, ffree, bavail, bsize } = await statfs(to);
    if (files > 0 && ffree === 0 && bavail > 0) {
      const sentence = `there are more files in ${from} than fit: ${files} at most`;
      throw new PysyncError('COPY_NO_SPACE', sentence, {
        hints: [`there would still be ${formatSize(bavail * bsize)} for their content`],
      });
    }
    throw new PysyncError('COPY_NO_SPACE', `what is in ${from} does not fit`);
  }
  throw new PysyncError('COPY_FAILED', `what is in ${from} could not be copied in full`, {
    hints: errors.slice(0, 5).map(printable),
  });
}

/** Throws PysyncError `COPY_DIFFERS` unless both trees are the same, contents compared by checksum. */
export async function verifyCopy(
  from: string,
  to: string,
  onProgress: (text: string) => void,
): Promise<void> {
  onProgress('comparing checksums');
  const { stdout } = await run(
    'rsync',
    [...keepAll, '--dry-run', '--checksum', '--delete', '--itemize-changes', `${from}/`, `${to}/`],
    { purpose: `compare ${from} with its copy`, timeoutMs: 0, endsWithPysync },
  );
  const differing = stdout.split('\n').filter((line) => line !== '');
  if (differing.length === 0) return;
  throw new PysyncError(
    'COPY_DIFFERS',
    `${differing.length} files in ${from} differ from their copy`,
    {
      hints: ['was something written there meanwhile? try again when nothing is'],
    },
  );
}
