/** `pysync completion <shell>`: prints what makes a shell complete the words of pysync. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importedKeys } from '../keys/imported.js';
import { cappedShares } from '../volume/registry.js';
import { print, printJson } from '../system/output.js';
import { text, usage } from './words/options.js';
import type { Options } from './words/options.js';

export async function run(args: readonly string[], options: Options): Promise<void> {
  const wanted = text(options, 'offer');
  const [shell = ''] = args;
  if (wanted !== undefined) {
    for (const line of await offer(wanted)) print(line);
    return;
  }
  if (!['bash', 'zsh', 'fish'].includes(shell)) {
    throw usage(`there is no completion for '${shell}'`, 'the shell is bash, zsh or fish');
  }
  // Made by the build from what is declared (tools/generate.mjs).
  const script = readFileSync(join(__dirname, '../shell', `${shell}.txt`), 'utf8');
  if (options['json'] === true) printJson({ shell, script });
  else process.stdout.write(script);
}

/**
 * What the scripts ask for at each press of the key: names of peers, folders of shares, or those
 * of capped ones. Reads, and mounts and makes nothing; what cannot be read is not offered.
 */
async function offer(wanted: string): Promise<readonly string[]> {
  const keys = await importedKeys().then(
    (imported) => imported.keys,
    () => [],
  );
  if (wanted === 'peers') return unique(keys.map(({ policy }) => policy.peer));
  const volumes = (await cappedShares().catch(() => [])).map(({ path }) => path);
  if (wanted === 'volumes') return unique(volumes);
  return unique([...volumes, ...keys.map(({ policy }) => policy.share)]);
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}
