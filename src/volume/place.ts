/**
 * The place of a capped share. Its record holds the path as it was when the cap was made, behind all
 * links; whatever has become a link since leads to another place, which is none of the volume's.
 */
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PysyncError } from '../errors.js';
import { quoteAll } from '../gate/quote.js';
import { placeFault } from '../ready/place.js';
import { printable } from '../system/text.js';

/**
 * Throws PysyncError `FOLDER_IS_LINK` where `path`, or a folder above it, is a symbolic link now. That
 * it is not there is no failure.
 */
export function requirePlace(path: string): void {
  if (placeFault(path) !== 'link') return;
  const parts = path.split('/').map((_, i, names) => names.slice(0, i + 1).join('/'));
  const link = parts.slice(1).find((part) => placeFault(part) === 'link') ?? path;
  const leadsTo = resolve(dirname(link), readlinkSync(link));
  const what = link === path ? 'it' : printable(link);
  throw new PysyncError(
    'FOLDER_IS_LINK',
    `${printable(path)} is not the folder that was capped: ${what} is a symbolic link now, to ${printable(leadsTo)}`,
    {
      hints: [
        'nothing is moved or mounted there, and what is in the volume is kept',
        `remove the link, then have the volume mounted again: ${printable(quoteAll(['rm', link]))} && pysync mount`,
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
