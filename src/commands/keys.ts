/** `pysync keys`: the imported keys and what each may do. */
import { importedKeys, isExpired } from '../keys/imported.js';
import { columns, note, print, printJson, style } from '../system/output.js';
import { printable } from '../system/text.js';
import { describeExpiry, keyAsJson } from './views/describe.js';
import type { Options } from './words/options.js';

export async function run(_args: readonly string[], options: Options): Promise<void> {
  const { keys, broken } = await importedKeys();
  for (const sentence of broken) note(`pysync: ${printable(sentence)}`);
  if (options['json'] === true) {
    printJson({ keys: keys.map(keyAsJson), broken });
    return;
  }
  if (keys.length === 0) {
    print(
      'no keys are imported; to let somebody send you files: pysync -i <key | file | github-user>',
    );
    return;
  }
  const now = new Date();
  const [head = '', ...rows] = columns([
    ['NAME', 'FINGERPRINT', 'SOURCE', 'SHARE', 'ACCESS', 'FROM', 'EXPIRES', 'IMPORTED'],
    ...keys.map((key) => [
      key.policy.peer,
      key.policy.key,
      printable(key.policy.source),
      printable(key.policy.share),
      key.policy.access + (key.policy.allowDelete ? ', may delete' : ''),
      key.from.length === 0 ? 'anywhere' : key.from.join(','),
      describeExpiry(key, now),
      key.policy.imported.slice(0, 10),
    ]),
  ]);
  print(style.bold(head));
  for (const row of rows) print(row);
  if (keys.some((key) => isExpired(key, now))) {
    note('pysync: expired keys let nobody in; to take them all out: pysync revoke --expired');
  }
}
