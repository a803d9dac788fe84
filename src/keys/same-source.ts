/** Which sources of keys are the same, and whose they are. */
import { PysyncError } from '../errors.js';
import type { OurKey } from './authorized-keys.js';
import { githubListAt, publicApi } from './sources/github-address.js';
import { apiOf } from './sources/github.js';
import { ownContext } from './sources/index.js';

/** Whether both name the same source: a GitHub user has one name in any spelling. */
export function isSameSource(a: string, b: string): boolean {
  return a === b || (githubUser(a) !== undefined && githubUser(a) === githubUser(b));
}

/** The GitHub user in lower case; older lines have the address of the list. */
export function githubUser(source: string): string | undefined {
  if (source.startsWith('gh:')) return source.slice('gh:'.length).toLowerCase();
  if (!/^https?:/i.test(source) || !URL.canParse(source)) return undefined;
  return githubListAt(new URL(source), ownApi())?.login.toLowerCase();
}

/** Keys can be revoked even where the preferences cannot be read. */
function ownApi(): URL {
  try {
    return apiOf(ownContext());
  } catch (error) {
    if (error instanceof PysyncError) return new URL(publicApi);
    throw error;
  }
}

/** The GitHub accounts that the keys of `source` are known to have come from; at most one, usually. */
export function accountsBehind(source: string, keys: readonly OurKey[]): ReadonlySet<number> {
  const theirs = keys.filter(({ policy }) => isSameSource(policy.source, source));
  return new Set(theirs.flatMap(({ policy: { account } }) => account ?? []));
}
