/**
 * The ssh server's settings for one user: as sshd itself tells them, or gathered from its files.
 */
import { join } from 'node:path';
import { PysyncError } from '../errors.js';
import { run } from '../system/run.js';
import { readConfig, sshdConfigPath } from './config.js';
import type { ConfigLine } from './config.js';
import { makeTemporaryFolder } from '../system/temporary.js';

export interface ServerSettings {
  /** `sshd -T`, with `Match` blocks applied; or the config files, with those left out. */
  readonly origin: 'sshd' | 'files';
  /** The words after a keyword (in lower case), of all the lines that count; empty where unset. */
  readonly words: (name: string) => readonly string[];
  /** Lines in `Match` blocks: the files alone do not tell whether they apply. */
  readonly conditional: readonly ConfigLine[];
}

/** Keywords whose lines add up; of all others the first counts. */
const additive = new Set([
  'acceptenv',
  'allowgroups',
  'allowusers',
  'denygroups',
  'denyusers',
  'listenaddress',
  'port',
]);

/** The settings for `user` who comes from `address`, with what `Match` blocks change. */
export async function serverSettings(user: string, address: string): Promise<ServerSettings> {
  const told = await askSshd(user, address);
  if (told !== undefined) return settingsFrom('sshd', told, []);
  const lines = readConfig(sshdConfigPath());
  return settingsFrom(
    'files',
    lines.filter(({ match }) => match === undefined),
    lines.filter(({ match }) => match !== undefined),
  );
}

type Setting = Pick<ConfigLine, 'name' | 'value'>;

function settingsFrom(
  origin: ServerSettings['origin'],
  lines: readonly Setting[],
  conditional: readonly ConfigLine[],
): ServerSettings {
  const words = (name: string): readonly string[] => {
    const values = lines.filter((line) => line.name === name).map(({ value }) => value);
    const counting = additive.has(name) ? values : values.slice(0, 1);
    return counting.flatMap((value) => value.split(/\s+/).filter((word) => word !== ''));
  };
  return { origin, words, conditional };
}

/**
 * `sshd -T` (sshd(8)); undefined where it gives no answer. It loads a host key first, and only root
 * can read the server's own: any other will do.
 */
async function askSshd(user: string, address: string): Promise<Setting[] | undefined> {
  const folder = makeTemporaryFolder();
  try {
    const key = join(folder.path, 'key');
    const options = { purpose: 'ask sshd for its settings', timeoutMs: 10_000 };
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key], options);
    const client = `user=${user},host=${address},addr=${address}`;
    const args = ['-T', '-f', sshdConfigPath(), '-h', key, '-C', client];
    const { stdout } = await run('sshd', args, options);
    return stdout.split('\n').flatMap((line) => {
      const [, name, value] = /^([a-z]+) (.*)$/.exec(line) ?? [];
      // What it prints for a setting that has no value.
      if (name === undefined || value === undefined || value === 'none') return [];
      return [{ name, value }];
    });
  } catch (error) {
    // A config, or a file that it includes, that only root can read; no sshd; one that is old.
    if (!(error instanceof PysyncError)) throw error;
    return undefined;
  } finally {
    folder.remove();
  }
}
