/**
 * Who else on this machine could decide what a share is, or see what is in it.
 *
 * A share has to be the account's own, and each folder above it the account's or root's. In a folder
 * that others may write they can create the share first, or again after it is gone: a peer then sends
 * into a folder of theirs. A sticky bit, as on /tmp, protects it only while it is there.
 */
import { lstatSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { PysyncError } from '../errors.js';
import { quoteAll } from '../gate/quote.js';
import { isPrivateGroup, userName } from '../system/accounts.js';
import { looseness } from '../system/loose-places.js';
import { run } from '../system/run.js';
import { printable } from '../system/text.js';
import { holds, realPath } from './forbidden.js';

/**
 * Throws PysyncError `SHARE_UNSAFE` where others may write the folder at the real path `share`, which
 * need not exist yet, or put another one in its place.
 *
 * The account's own group, which nobody else is in, does not count: with a umask of 002, as users of
 * Debian and Fedora have it, it can write all folders.
 */
export async function refuseOthers(share: string): Promise<void> {
  for (const { path, stats } of placesTo(share)) {
    const how = (await writersOf(path, stats)) ?? ownerFault(path === share, stats);
    if (how === undefined) continue;
    const subject = path === share ? 'it' : printable(path);
    const danger = path === share ? '' : ', who could put another folder in its place';
    throw new PysyncError(
      'SHARE_UNSAFE',
      `${printable(share)} cannot be a share: ${subject} ${how}${danger}`,
      { hints: remedies(path, stats) },
    );
  }
}

interface Place {
  readonly path: string;
  readonly stats: Stats;
}

/**
 * What exists of the path to `share`. In the home it begins below the home: anybody who could replace
 * that could replace the keys as well.
 */
function placesTo(share: string): Place[] {
  const home = realPath(homedir());
  const found: Place[] = [];
  for (let at = share; at !== home; at = dirname(at)) {
    const stats = lstatIfThere(at);
    if (stats !== undefined) found.unshift({ path: at, stats });
    if (at === '/') break;
  }
  return found;
}

function lstatIfThere(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    // It is not there yet, or in a folder that is closed to us, where no share can be created either.
    return undefined;
  }
}

/** The share's own folder has to be the account's: the launcher restores its mode. */
function ownerFault(isShare: boolean, { uid }: Stats): string | undefined {
  const isOurs = uid === process.geteuid?.() || (uid === 0 && !isShare);
  return isOurs ? undefined : `belongs to ${userName(uid)}`;
}

async function writersOf(path: string, stats: Stats): Promise<string | undefined> {
  const how = looseness(stats, { heedsSticky: false });
  if (how !== undefined || (stats.mode & 0o020) === 0) return how;
  // What looks like the bit of a harmless group may be what an ACL lets others do: acl(5).
  const { stdout } = await run('ls', ['-ld', '--', path], {
    purpose: 'see who may write the share',
    expectExit: 'any',
  });
  return /^\S{10}[.@]?\+/.test(stdout) ? 'has an access list that lets others write' : undefined;
}

function remedies(path: string, { uid, mode }: Stats): string[] {
  const canChange = uid === process.geteuid?.() && (mode & 0o022) !== 0;
  const other = 'choose a folder of its own with --dir, such as ~/public';
  return canChange ? [`chmod go-w ${quoteAll([path])}`, `or ${other}`] : [other];
}

/** Whether others on this machine may read or enter the folder at `share`, and get that far. */
export function isOpenToOthers(share: string): boolean {
  const own = lstatIfThere(share);
  if (own === undefined) return false;
  const readers = isPrivateGroup(own.gid) ? 0o005 : 0o055;
  if ((own.mode & readers) === 0) return false;
  for (let at = dirname(share); ; at = dirname(at)) {
    const { mode, gid } = statSync(at);
    if ((mode & (isPrivateGroup(gid) ? 0o001 : 0o011)) === 0) return false;
    if (at === '/') return true;
  }
}

/** Pairs of shares of which the first lies in the second. */
export function nestedShares(paths: readonly string[]): (readonly [string, string])[] {
  return paths.flatMap((inner) =>
    paths
      .filter((outer) => inner !== outer && holds(outer, inner))
      .map((outer) => [inner, outer] as const),
  );
}
