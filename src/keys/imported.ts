/** The keys that pysync imported, as they stand in the account's two files now. */
import { homedir } from 'node:os';
import { parseAuthorizedKeys } from './authorized-keys.js';
import type { OurKey } from './authorized-keys.js';
import { readAuthorizedKeys } from './install.js';

export interface ImportedKeys {
  readonly keys: readonly OurKey[];
  /** Lines that run our gate but are damaged, as sentences. */
  readonly broken: readonly string[];
}

export async function importedKeys(): Promise<ImportedKeys> {
  const files = await readAuthorizedKeys(homedir());
  const parsed = files.map(({ path, content }) => ({ path, ...parseAuthorizedKeys(content) }));
  return {
    keys: parsed.flatMap(({ ours }) => ours),
    broken: parsed.flatMap(({ path, broken }) =>
      broken.map(({ lineNumber, reason }) => `line ${lineNumber} of ${path}: ${reason}`),
    ),
  };
}

export function isExpired(key: OurKey, now: Date): boolean {
  return key.expires !== undefined && key.expires <= now;
}

/** Whether both name the same source: GitHub does not tell capitals from small letters. */
export function isSameSource(a: string, b: string): boolean {
  return a === b || (a.startsWith('gh:') && a.toLowerCase() === b.toLowerCase());
}

/** The GitHub accounts that the keys of `source` are known to have come from; at most one, usually. */
export function accountsBehind(source: string, keys: readonly OurKey[]): ReadonlySet<number> {
  const theirs = keys.filter(({ policy }) => isSameSource(policy.source, source));
  return new Set(theirs.flatMap(({ policy: { account } }) => account ?? []));
}
