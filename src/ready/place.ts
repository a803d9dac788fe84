/**
 * Is a share still the folder that was shared? Its path was a real one when the first key was
 * imported, so no part of it may be a link now, and at its end there has to be a folder.
 *
 * Everything else would be served as if it were the share: where `~/public` has become a link to
 * `~/.ssh`, the sandbox would hold the owner's keys.
 */
import { readlinkSync } from 'node:fs';

/** What is there instead of the share's folder. */
export type PlaceFault = 'missing' | 'link' | 'file' | 'unreachable';

/** For the owner, to be read behind the share's path. None of them names a path itself. */
export const placeFaults: Readonly<Record<PlaceFault, string>> = {
  missing: 'is not there',
  link: 'is not the folder that was shared: a symbolic link has taken its place, or that of a folder above it',
  file: 'is not a folder',
  unreachable: 'cannot be reached',
};

/**
 * What is wrong with the place of the share at `path`; undefined where it is what it was.
 *
 * readlink(2) alone is asked. Of a folder it says that it is no link (EINVAL) without asking the
 * file system that is mounted there: that of a capped share may hang, or its program have died.
 */
export function placeFault(path: string): PlaceFault | undefined {
  const parts = path.split('/').slice(1);
  const above = parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`);
  // The slash at the end has the kernel see to it that the last one is a folder.
  for (const place of [...above, `${path}/`]) {
    const answer = askForLink(place);
    if (answer !== 'EINVAL') return faultOf(answer);
  }
  return undefined;
}

function askForLink(place: string): string {
  try {
    readlinkSync(place, 'buffer');
    return 'link';
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

function faultOf(answer: string): PlaceFault {
  switch (answer) {
    case 'link':
      return 'link';
    case 'ENOENT':
      return 'missing';
    case 'ENOTDIR':
      return 'file';
    default:
      return 'unreachable';
  }
}
