/**
 * Moves what has arrived whole out of a session's own folder into the share: by rename, entering
 * folders without following links, and putting a file at most in the place of the one of the same
 * path. Where something else is in the way it goes beside it, under a free name, so nothing of
 * others is removed and nothing that was sent is lost.
 *
 * SECURITY: this is what a key that may only send has in place of the share
 * (test/attacks/write-only-lists-nothing.test.ts), so it tells the sender nothing of what it finds.
 */
import {
  fchmodSync,
  fstatSync,
  futimesSync,
  linkSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import type { DeliveryRules } from '../gate/decide.js';
import { at, closeFolder, codeOf, look, makeIn, namesIn, openIn } from './inside.js';
import type { Folder } from './inside.js';
import { ownFolder } from '../gate/paths.js';

export interface Delivery {
  /** Whether a file takes the place of the one of its path; else it always goes beside it. */
  readonly replaces: boolean;
  readonly rules: DeliveryRules;
  /** What a name gets behind it before it is tried: `~` for backups, else nothing. */
  readonly suffix: string;
  /** Keeps the file that is about to be replaced. */
  readonly keepOld?: (folder: Folder, name: Buffer, parts: readonly Buffer[]) => void;
  /** Names of links that were left out, since they would have led out of the share. */
  readonly linksLeftOut: string[];
  /** Names, as they were sent, of what could not be moved; the rest is moved all the same. */
  readonly failed: string[];
}

/**
 * Moves all that is in `from` to `to`, whose parts below the share's top are `parts`. What cannot be
 * moved stays where it is, and all the rest continues.
 */
export function deliver(
  from: Folder,
  to: Folder,
  parts: readonly Buffer[],
  delivery: Delivery,
): void {
  for (const name of namesIn(from)) {
    const stats = look(from, name);
    if (stats === undefined) continue;
    try {
      if (stats.isDirectory()) deliverFolder(from, to, name, parts, delivery);
      else deliverFile({ from, name }, to, withEnding(name, delivery.suffix), parts, delivery);
    } catch {
      // A folder that the owner has closed, a name that became too long, no room for an entry.
      delivery.failed.push(name.toString());
    }
  }
}

function deliverFolder(
  from: Folder,
  to: Folder,
  name: Buffer,
  parts: readonly Buffer[],
  delivery: Delivery,
): void {
  const source = openIn(from, name);
  try {
    // As rsync has set it; taking things out changes the time.
    const { mode, atime, mtime } = fstatSync(source.descriptor);
    const { folder, used, isNew } = openOrMake(to, name);
    try {
      deliver(source, folder, [...parts, used], delivery);
      if (isNew) {
        fchmodSync(folder.descriptor, mode & 0o777);
        futimesSync(folder.descriptor, atime, mtime);
      }
    } finally {
      closeFolder(folder);
    }
    // Else it holds what could not be moved.
    if (namesIn(source).length === 0) rmdirSync(at(from, name));
  } finally {
    closeFolder(source);
  }
}

/** The folder `name` in `to`, or where that is none, one under the first name that is or can be. */
export function openOrMake(
  to: Folder,
  name: Buffer,
): { folder: Folder; used: Buffer; isNew: boolean } {
  for (const candidate of candidates(name)) {
    const isNew = makeIn(to, candidate, 0o755);
    try {
      return { folder: openIn(to, candidate), used: candidate, isNew };
    } catch (error) {
      if (codeOf(error) !== 'ENOTDIR' && codeOf(error) !== 'ELOOP') throw error;
    }
  }
  throw new Error('no name is free');
}

interface Source {
  readonly from: Folder;
  readonly name: Buffer;
}

/** Moves one file or link to `to`, as `target` where no folder is in the way. */
export function deliverFile(
  { from, name }: Source,
  to: Folder,
  target: Buffer,
  parts: readonly Buffer[],
  delivery: Delivery,
): void {
  const source = at(from, name);
  const stats = look(from, name);
  if (stats?.isSymbolicLink() === true && leadsOut(readlinkSync(source, 'buffer'), parts.length)) {
    // Not the place, which can tell what else is there.
    delivery.linksLeftOut.push(name.toString());
    unlinkSync(source);
    return;
  }
  const there = look(to, target);
  if (isUnwanted(stats, there, delivery.rules)) {
    unlinkSync(source);
    return;
  }
  if (there === undefined || there.isDirectory() || !delivery.replaces) {
    moveToFreeName(source, to, target);
    return;
  }
  if (stats !== undefined && isSame(stats, there)) {
    // Moved before, by one that was killed; rename(2) would leave both names.
    unlinkSync(source);
    return;
  }
  delivery.keepOld?.(to, target, parts);
  renameSync(source, at(to, target));
}

function isSame(one: Stats, other: Stats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

function isUnwanted(
  sent: Stats | undefined,
  there: Stats | undefined,
  { onlyExisting, neverExisting, onlyNewer }: DeliveryRules,
): boolean {
  if (there === undefined) return onlyExisting;
  return neverExisting || (onlyNewer && sent !== undefined && there.mtimeMs > sent.mtimeMs);
}

/** Never in the place of anything: link(2) fails where rename(2) would replace. */
function moveToFreeName(source: Buffer, to: Folder, name: Buffer): void {
  for (const candidate of candidates(name)) {
    try {
      linkSync(source, at(to, candidate));
      unlinkSync(source);
      return;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') continue;
      // A file system without hard links.
      if (codeOf(error) !== 'EPERM' && codeOf(error) !== 'ENOTSUP') throw error;
      if (look(to, candidate) !== undefined) continue;
      renameSync(source, at(to, candidate));
      return;
    }
  }
  throw new Error('no name is free');
}

/** `name`, `name~2`, `name~3`, … */
function* candidates(name: Buffer): Generator<Buffer> {
  // SECURITY: a peer's file of this name must not get in among what is not a file yet.
  if (name.toString() !== ownFolder) yield name;
  for (let i = 2; i < 10_000; i += 1) yield withEnding(name, `~${i}`);
}

/** Bytes in a name: NAME_MAX of the file systems of Linux and macOS. */
const longestName = 255;

/** `name` with `ending` behind it, and cut off before that where it would be too long. */
export function withEnding(name: Buffer, ending: string): Buffer {
  const bytes = Buffer.from(ending);
  const room = Math.max(0, longestName - bytes.length);
  return Buffer.concat([name.subarray(0, room), bytes]);
}

/**
 * Whether a link with this text, `depth` folders below the share's top, leads out of the share. As
 * rsync since CVE-2024-12088 has it, `..` counts only at the beginning: behind a name, which can be
 * a link, nobody knows how far it climbs.
 */
export function leadsOut(text: Buffer, depth: number): boolean {
  if (text[0] === 0x2f) return true;
  const parts = text
    .toString('latin1')
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  const climbs = parts.findIndex((part) => part !== '..');
  const leading = climbs === -1 ? parts.length : climbs;
  return leading > depth || parts.slice(leading).includes('..');
}
