/**
 * A share is a directory. This file decides which directories may be one, and makes it.
 */
import { accessSync, constants, mkdirSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { PysyncError, errnoOf } from '../errors.js';
import { isSharePath } from '../gate/policy.js';
import { dataFolder, stateFolder } from '../system/folders.js';
import { printable } from '../system/text.js';

/**
 * The real, absolute path of the share at `folder`; it need not exist yet.
 *
 * Throws PysyncError `SHARE_UNSAFE` for a directory that must not be given to a peer: what can be
 * written there would let them in.
 */
export function sharePath(folder: string): string {
  const path = realPath(absolutePath(folder));
  for (const { place, what, inside } of forbiddenPlaces()) {
    if (!holds(path, place) && !(inside && holds(place, path))) continue;
    throw new PysyncError('SHARE_UNSAFE', `${printable(path)} cannot be a share: ${what}`, {
      hints: ['choose a folder of its own with --dir, such as ~/public'],
    });
  }
  if (!isSharePath(path)) {
    throw new PysyncError('SHARE_UNSAFE', `'${printable(path)}' cannot be a share`, {
      hints: ['its path has a backslash or a control character in it; choose another with --dir'],
    });
  }
  return path;
}

/** `folder` as an absolute path, whatever links are in it. */
export function absolutePath(folder: string): string {
  try {
    return resolve(folder);
  } catch (error) {
    // Only a relative path needs to know where we are.
    throw new PysyncError('NO_WORKING_DIRECTORY', 'the folder you are in is gone', {
      hints: ['go to another one with cd, then run the command again'],
      cause: error,
    });
  }
}

/** Makes the share's directory where it is missing (mode 0700). Throws PysyncError `SHARE_UNUSABLE`. */
export function makeShare(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    if (statSync(path).isDirectory()) return;
  } catch (error) {
    throw unusable(path, errnoOf(error), error);
  }
  throw unusable(path, 'ENOTDIR');
}

function unusable(path: string, code: string | undefined, cause?: unknown): PysyncError {
  const reasons: Readonly<Record<string, string>> = {
    EACCES: 'you may not write there',
    EEXIST: 'it is not a directory',
    ENOTDIR: 'it is not a directory',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
  };
  const reason = reasons[code ?? ''] ?? 'it cannot be used';
  return new PysyncError(
    'SHARE_UNUSABLE',
    `the share ${printable(path)} cannot be used: ${reason}`,
    {
      hints: ['choose another folder with --dir'],
      cause,
    },
  );
}

interface ForbiddenPlace {
  readonly place: string;
  readonly what: string;
  /** Whether a folder within the place is forbidden too, and not only one that holds it. */
  readonly inside: boolean;
}

function forbiddenPlaces(): ForbiddenPlace[] {
  const home = homedir();
  return [
    { place: home, what: 'it holds your home directory', inside: false },
    { place: join(home, '.ssh'), what: 'it holds ssh keys', inside: true },
    { place: join(home, '.config'), what: 'it holds the settings of your programs', inside: true },
    { place: join(home, '.local/bin'), what: 'programs are run from there', inside: true },
    { place: join(home, 'bin'), what: 'programs are run from there', inside: true },
    { place: dataFolder(), what: "it holds pysync's own files", inside: true },
    { place: stateFolder(), what: "it holds pysync's own files", inside: true },
    ...['/etc', '/usr', '/bin', '/sbin', '/lib', '/boot', '/dev', '/proc', '/sys', '/run'].map(
      (place) => ({ place, what: 'it belongs to the system', inside: true }),
    ),
  ].map(({ place, ...rest }) => ({ place: realPath(place), ...rest }));
}

/** Whether `outer` is `inner` or a directory above it. */
function holds(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`);
}

/** Like realpath, for a path whose last parts need not exist. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
