/** `pysync revoke`: takes keys back and ends their running transfers. */
import { homedir } from 'node:os';
import { PysyncError } from '../errors.js';
import { endTransfers } from '../history/running.js';
import type { OurKey } from '../keys/authorized-keys.js';
import { removeKeys } from '../keys/authorized-keys.js';
import { importedKeys } from '../keys/imported.js';
import { editAuthorizedKeys } from '../keys/install.js';
import { columns, print, printJson } from '../system/output.js';
import { printable } from '../system/text.js';
import { describeAccess, keyAsJson } from './describe.js';
import type { Options } from './options.js';

export async function run(args: readonly string[], options: Options): Promise<void> {
  const { keys } = await importedKeys();
  for (const wanted of args) {
    if (!keys.some((key) => isMeant(key, wanted))) throw notFound(wanted, keys);
  }
  const meant = (key: OurKey): boolean => args.some((wanted) => isMeant(key, wanted));
  const removed = keys.filter(meant);
  const isDry = options['dryRun'] === true;
  const ended = isDry ? [] : await takeBack(meant, removed);
  if (options['json'] === true) {
    printJson({
      dryRun: isDry,
      revoked: removed.map(keyAsJson),
      endedTransfers: ended.map(({ peer, key, address, time }) => ({ peer, key, address, time })),
    });
    return;
  }
  const what = isDry ? 'would be revoked' : 'revoked';
  const rows = removed.map((key) => [
    key.policy.peer,
    key.policy.key,
    printable(key.policy.share),
    describeAccess(key),
    what,
  ]);
  for (const row of columns(rows)) print(row);
  for (const { peer, address } of ended)
    print(`ended a running transfer of ${peer} from ${address}`);
  if (!isDry) print('files that were sent stay where they are');
}

async function takeBack(
  meant: (key: OurKey) => boolean,
  removed: readonly OurKey[],
): Promise<Awaited<ReturnType<typeof endTransfers>>> {
  for (const file of ['authorized_keys', 'authorized_keys2'] as const) {
    await editAuthorizedKeys(homedir(), (content) => removeKeys(content, meant).content, file);
  }
  // The lines first: whoever is cut off must not get in again.
  return endTransfers(new Set(removed.map(({ policy }) => policy.key)));
}

function isMeant({ policy }: OurKey, wanted: string): boolean {
  const { peer, key, source } = policy;
  return (
    [peer, key, key.slice('SHA256:'.length), source, source.replace(/^file:/, '')].includes(
      wanted,
    ) ||
    // GitHub does not tell capitals from small letters.
    (source.startsWith('gh:') && source.toLowerCase() === wanted.toLowerCase())
  );
}

function notFound(wanted: string, keys: readonly OurKey[]): PysyncError {
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
