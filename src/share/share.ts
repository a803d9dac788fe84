/**
 * Which folders may be a share; makes one where it is missing.
 */
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { PysyncError, errnoOf } from '../errors.js';
import { isSharePath } from '../gate/policy.js';
import { quoteAll } from '../gate/quote.js';
import { placeFault, placeFaults } from '../ready/place.js';
import type { PlaceFault } from '../ready/place.js';
import { printable } from '../system/text.js';
import { realPath, whyForbidden } from './forbidden.js';
import { refuseOthers } from './others.js';

/** The real, absolute path of `folder`, which need not exist yet. */
export function placeOf(folder: string): string {
  return realPath(absolutePath(folder));
}

/**
 * The real, absolute path of the share at `folder`; it need not exist yet.
 *
 * Throws PysyncError `SHARE_UNSAFE` for a folder that must not be given to a peer: what can be written
 * there would let them in.
 */
export function sharePath(folder: string): string {
  const path = placeOf(folder);
  const why = whyForbidden(path);
  if (why !== undefined) {
    throw new PysyncError('SHARE_UNSAFE', `${printable(path)} cannot be a share: ${why}`, {
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

/** As `sharePath`; also refuses a place in which others on this machine have a say. */
export async function fitSharePath(folder: string): Promise<string> {
  const path = sharePath(folder);
  await refuseOthers(path);
  return path;
}

/** `folder` as an absolute path; links in it stay. */
export function absolutePath(folder: string): string {
  try {
    return resolve(folder);
  } catch (error) {
    // Only a relative path needs the working directory.
    throw new PysyncError('NO_WORKING_DIRECTORY', 'the folder you are in is gone', {
      hints: ['go to another one with cd, then run the command again'],
      cause: error,
    });
  }
}

/**
 * Throws PysyncError `SHARE_REPLACED` where `folder` names a known share and is no longer the folder
 * that was shared: its real path would be taken for a share of its own.
 */
export function refuseReplaced(folder: string, known: readonly string[]): void {
  const path = absolutePath(folder);
  if (!known.includes(path)) return;
  const fault = placeFault(path);
  if (fault !== undefined && fault !== 'missing') throw replaced(path, fault);
}

function replaced(path: string, fault: PlaceFault): PysyncError {
  return new PysyncError('SHARE_REPLACED', `${printable(path)} ${placeFaults[fault]}`, {
    hints: [placeRemedy(path, fault)],
  });
}

/** What its owner can do about a share that is not what it was. */
export function placeRemedy(path: string, fault: PlaceFault): string {
  switch (fault) {
    case 'missing':
      return `mkdir -m 700 ${quoteAll([path])}`;
    case 'link':
    case 'file':
      return 'put the folder back, or import the keys again for another one with --dir';
    case 'unreachable':
      return 'make sure that you may enter each folder above it';
  }
}

/**
 * Creates the share's folder where it is missing (mode 0700). Throws PysyncError `SHARE_UNUSABLE`,
 * or `SHARE_REPLACED` where a link leads to it.
 */
export function makeShare(path: string): void {
  if (placeFault(path) === 'link') throw replaced(path, 'link');
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
    EEXIST: 'it is not a folder',
    ENOTDIR: 'it is not a folder',
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
