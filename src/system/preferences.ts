/** What the owner prefers, kept by conf in `$XDG_CONFIG_HOME/pysync/config.json`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Conf from 'conf';
import { PysyncError } from '../errors.js';
import { configFolder } from './folders.js';

/** Every preference, with what it means. */
export const preferences = {
  'github-api-url': 'base of the GitHub API, for GitHub Enterprise: https://HOST/api/v3',
} as const;

export type Preference = keyof typeof preferences;

export function isPreference(name: string): name is Preference {
  return Object.hasOwn(preferences, name);
}

function store(): Conf<Record<string, string>> {
  try {
    return new Conf<Record<string, string>>({ cwd: configFolder() });
  } catch (error) {
    throw new PysyncError('CONFIG_UNREADABLE', 'the preferences cannot be read', {
      hints: [`mend or remove ${join(configFolder(), 'config.json')}`],
      cause: error,
    });
  }
}

/** The value that was set, or undefined. Throws PysyncError `CONFIG_UNREADABLE`. */
export function preference(name: Preference): string | undefined {
  // Conf makes its folder even to read, and a dry run leaves nothing behind.
  return existsSync(join(configFolder(), 'config.json')) ? store().get(name) : undefined;
}

/** Sets a preference; undefined takes it back. */
export function setPreference(name: Preference, value: string | undefined): void {
  if (value === undefined) store().delete(name);
  else store().set(name, value);
}
