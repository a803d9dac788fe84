/** The keys that pysync imported, as they are in the account's two files now. */
import { homedir } from 'node:os';
import { parseAuthorizedKeys } from './authorized-keys.js';
import type { OurKey } from './authorized-keys.js';
import { readAuthorizedKeys } from './key-files.js';

export interface ImportedKeys {
  readonly keys: readonly OurKey[];
  /** Lines that run our launcher but are damaged, as sentences. */
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
