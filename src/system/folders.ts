/** Where pysync keeps what: the XDG base directories, under the account's home. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

function base(variable: string, fallback: string): string {
  const value = process.env[variable];
  // The XDG specification has relative values ignored.
  return value !== undefined && isAbsolute(value) ? value : join(homedir(), fallback);
}

/** The launcher, and the disk images of capped shares. */
export function dataFolder(): string {
  return join(base('XDG_DATA_HOME', '.local/share'), 'pysync');
}

/** The logs of connections. */
export function stateFolder(): string {
  return join(base('XDG_STATE_HOME', '.local/state'), 'pysync');
}

/** The owner's preferences. */
export function configFolder(): string {
  return join(base('XDG_CONFIG_HOME', '.config'), 'pysync');
}

/** The share used where none is named. */
export function defaultShare(): string {
  return join(homedir(), 'public');
}
