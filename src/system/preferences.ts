/** What the owner prefers, kept by conf in `$XDG_CONFIG_HOME/pysync/config.json`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Conf from 'conf';
import { PysyncError } from '../errors.js';
import { fileFailure } from './failures.js';
import { configFolder } from './folders.js';
import { keepSignals } from './interrupt.js';

keepSignals();

/** Every preference, with what it means. */
export const preferences = {
  'github-api-url': 'base of the GitHub API, for GitHub Enterprise: https://HOST/api/v3',
  'log-count': 'how many ended connections the history keeps (default: 1000)',
  'log-size': 'what the history may take on disk (default: 256M)',
  'log-days': 'how many days the history keeps (default: 365)',
  notify: 'on: show a desktop notification when files have come (default: off)',
  'on-received': 'absolute path of a program to run when files have come',
} as const;

export type Preference = keyof typeof preferences;

export function isPreference(name: string): name is Preference {
  return Object.hasOwn(preferences, name);
}

const file = (): string => join(configFolder(), 'config.json');

/** Opens the store and does `work` with it, which may fail as much as the opening. */
function withStore<T>(work: (store: Conf) => T): T {
  try {
    return work(new Conf<Record<string, unknown>>({ cwd: configFolder() }));
  } catch (error) {
    if (error instanceof SyntaxError) throw unreadable(error);
    throw fileFailure(error, `open ${file()}`);
  }
}

function unreadable(cause?: unknown): PysyncError {
  return new PysyncError('CONFIG_UNREADABLE', 'the preferences cannot be read', {
    hints: [`fix or remove ${file()}`],
    cause,
  });
}

/** The value that was set, or undefined. Throws PysyncError `CONFIG_UNREADABLE`. */
export function preference(name: Preference): string | undefined {
  // Conf makes its folder even to read, and a dry run leaves nothing behind.
  const value = existsSync(file()) ? withStore((store) => store.get(name)) : undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw unreadable();
}

/** Sets a preference; undefined unsets it. Throws PysyncError `CONFIG_UNREADABLE`, `FILE_FAILED`. */
export function setPreference(name: Preference, value: string | undefined): void {
  withStore((store) => {
    if (value === undefined) store.delete(name);
    else store.set(name, value);
  });
}
