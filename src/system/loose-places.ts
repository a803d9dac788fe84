/** Who could put something else in the place of a file: by writing it, or a folder above it. */
import { chmodSync, lstatSync, readlinkSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '../errors.js';
import { groupName, isPrivateGroup, userName } from './accounts.js';

export interface LoosePlace {
  readonly path: string;
  /** Reads behind the path: `can be written by everybody`. */
  readonly how: string;
  /** Keeps the others from writing there; only where the place is this user's own. */
  readonly fix?: () => void;
}

/**
 * The places on the way to `path`, the links on it included, at which somebody other than this user
 * and root decides what is there. None where the path leads nowhere, which is for others to find.
 */
export function loosePlaces(path: string): LoosePlace[] {
  try {
    return placesOn(path).flatMap((place) => {
      const stats = lstatSync(place);
      const how = looseness(stats);
      return how === undefined ? [] : [loosePlace(place, stats, how)];
    });
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return [];
  }
}

export function loosePlace(path: string, { uid, mode }: Stats, how: string): LoosePlace {
  const fix = (): void => {
    chmodSync(path, mode & 0o7755);
  };
  const isOurs = uid === process.geteuid?.() && (mode & 0o022) !== 0;
  return { path, how, ...(isOurs ? { fix } : {}) };
}

/**
 * How somebody other than this user and root decides what is at a place; undefined where nobody
 * does. In a sticky folder such as /tmp nobody replaces what is another's, as long as it is there:
 * without `heedsSticky` that is not enough.
 */
export function looseness(stats: Stats, { heedsSticky = true } = {}): string | undefined {
  const { uid, gid, mode } = stats;
  if (uid !== 0 && uid !== process.geteuid?.()) return `belongs to ${userName(uid)}`;
  // A link's own bits say nothing.
  if (stats.isSymbolicLink()) return undefined;
  if (heedsSticky && stats.isDirectory() && (mode & 0o1000) !== 0) return undefined;
  if ((mode & 0o002) !== 0) return 'can be written by everybody';
  if ((mode & 0o020) === 0 || gid === 0 || isPrivateGroup(gid)) return undefined;
  return `can be written by the group ${groupName(gid)}`;
}

/** Every folder, link and file that is met on the way to `path`. */
function placesOn(path: string): string[] {
  const places = ['/'];
  const parts = path.split('/');
  let at = '/';
  let links = 0;
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      at = dirname(at);
      continue;
    }
    const next = join(at, part);
    places.push(next);
    if (!lstatSync(next).isSymbolicLink()) {
      at = next;
      continue;
    }
    links += 1;
    if (links > 40) throw Object.assign(new Error('too many links'), { code: 'ELOOP' });
    const target = readlinkSync(next);
    if (target.startsWith('/')) at = '/';
    parts.unshift(...target.split('/'));
  }
  return [...new Set(places)];
}
