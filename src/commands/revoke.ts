/** `pysync revoke`: revokes keys and ends their running transfers. */
import { PysyncError } from '../errors.js';
import type { OurKey } from '../keys/authorized-keys.js';
import { importedKeys, isExpired } from '../keys/imported.js';
import { columns, note, print, printJson } from '../system/output.js';
import { keyAsJson } from './views/describe.js';
import { usage } from './words/options.js';
import type { Options } from './words/options.js';
import { describeEnded, endedAsJson, isCalled, rowFor, takeBack } from './revoke-keys.js';

export async function run(args: readonly string[], options: Options): Promise<void> {
  const { keys } = await importedKeys();
  const meant = whoIsMeant(args, options['expired'] === true, keys);
  const isDry = options['dryRun'] === true;
  const { removed, ended } = isDry
    ? { removed: keys.filter(meant), ended: [] }
    : await takeBack(meant);
  if (options['json'] === true) {
    printJson({
      dryRun: isDry,
      revoked: removed.map(keyAsJson),
      endedTransfers: endedAsJson(ended),
    });
    return;
  }
  if (removed.length === 0) note('pysync: no key has expired');
  const what = isDry ? 'would be revoked' : 'revoked';
  for (const row of columns(removed.map((key) => rowFor(key, what)))) print(row);
  for (const line of describeEnded(ended)) print(line);
  if (!isDry && removed.length > 0) print('files that were sent stay where they are');
}

function whoIsMeant(
  names: readonly string[],
  expired: boolean,
  keys: readonly OurKey[],
): (key: OurKey) => boolean {
  if (expired) {
    if (names.length > 0) throw usage('--expired goes without names: it means all expired keys');
    const now = new Date();
    return (key) => isExpired(key, now);
  }
  if (names.length === 0) {
    throw usage("revoke needs a peer's name, a fingerprint or a source", 'pysync keys lists them');
  }
  for (const wanted of names) {
    if (!keys.some((key) => isCalled(key, wanted))) throw notFound(wanted, keys);
  }
  return (key) => names.some((wanted) => isCalled(key, wanted));
}

export function notFound(wanted: string, keys: readonly OurKey[]): PysyncError {
  const names = [...new Set(keys.map(({ policy }) => policy.peer))];
  return new PysyncError('KEY_NOT_FOUND', `no imported key is called '${wanted}'`, {
    hints: [
      ...(names.length === 0
        ? ['no keys are imported']
        : [
            `there are keys of: ${names.join(', ')}`,
            'see pysync keys for fingerprints and sources',
          ]),
    ],
  });
}
