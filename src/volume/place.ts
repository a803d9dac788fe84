/**
 * The place of a capped share. Its record holds the path as it was when the cap was made, behind all
 * links; whatever has become a link since leads to another place, which is none of the volume's.
 */
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PysyncError, errnoOf } from '../errors.js';
import { quoteAll } from '../gate/quote.js';
import { fileFailure } from '../system/failures.js';
import { printable } from '../system/text.js';

/**
 * Throws PysyncError `FOLDER_IS_LINK` where `path`, or a folder above it, is a symbolic link now. That
 * it is not there is no failure.
 *
 * By readlink(2), which never asks what is mounted at a place: that may not answer.
 */
export function requirePlace(path: string): void {
  const link = partsOf(path).find((part) => linkText(part) !== undefined);
  if (link === undefined) return;
  const leadsTo = resolve(dirname(link), linkText(link) ?? '');
  const what = link === path ? 'it' : printable(link);
  throw new PysyncError(
    'FOLDER_IS_LINK',
    `${printable(path)} is not the folder that was capped: ${what} is a symbolic link now, to ${printable(leadsTo)}`,
    {
      hints: [
        'nothing is moved or mounted there, and what is in the volume is kept',
        `take the link away, then have the volume mounted again: ${printable(quoteAll(['rm', link]))} && pysync mount`,
      ],
    },
  );
}

/**
 * Lets `body` work in the folder at `path` by a name that leads nowhere else, whatever becomes of the
 * path meanwhile. Throws PysyncError `FOLDER_IS_LINK`, and what its opening fails with.
 */
export function inPlace<T>(path: string, body: (entered: string) => T): T {
  requirePlace(path);
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const descriptor = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const entered = `/proc/self/fd/${descriptor}`;
    // The kernel's own name of what was opened: a part of the path may have changed in between.
    if (readlinkSync(entered) !== path) {
      requirePlace(path);
      throw new PysyncError('FOLDER_IS_LINK', `${printable(path)} was moved away just now`);
    }
    return body(entered);
  } finally {
    closeSync(descriptor);
  }
}

/** `/a`, `/a/b` and so on, up to the path itself. */
function partsOf(path: string): readonly string[] {
  const above = dirname(path);
  return above === path ? [] : [...partsOf(above), path];
}

function linkText(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    // EINVAL: it is no link. What is missing, or cannot be reached, is told by those who use it.
    if (['EINVAL', 'ENOENT', 'ENOTDIR', 'EACCES'].includes(errnoOf(error) ?? '')) return undefined;
    throw fileFailure(error, `look at ${printable(path)}`);
  }
}
