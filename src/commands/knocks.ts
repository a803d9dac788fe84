/** `pysync knocks`: strangers who wait at `pysync serve`, or have waited. */
import { importedKeys } from '../keys/imported.js';
import { listedKnocks } from '../server/knock-list.js';
import type { ListedKnock } from '../server/knock-list.js';
import { columns, print, printJson } from '../system/output.js';
import { printable } from '../system/text.js';
import type { Options } from './words/options.js';
import { claimedName, keyType } from './views/knock-view.js';

export async function run(_args: readonly string[], options: Options): Promise<void> {
  const now = new Date();
  const known = new Set((await importedKeys()).keys.map(({ blob }) => blob));
  const knocks = listedKnocks(now).filter(({ blob }) => !known.has(blob));
  if (options['json'] === true) {
    printJson(knocks.map((knock) => ({ ...knock, outcome: knock.outcome ?? 'waiting' })));
    return;
  }
  if (knocks.length === 0) {
    print('Nobody new has knocked. While pysync serve --pair runs, senders can.');
    return;
  }
  for (const line of columns(knocks.map((knock) => cells(knock, now)))) print(line);
  print();
  print('Names are what they call themselves. To let one in: pysync let-in <fingerprint>');
}

function cells(knock: ListedKnock, now: Date): string[] {
  const minutes = Math.floor((now.getTime() - knock.since.getTime()) / 60_000);
  const when = knock.outcome === undefined ? 'waiting' : `${minutes} min ago`;
  return [
    when,
    claimedName(knock),
    printable(knock.address),
    keyType(knock.type),
    knock.fingerprint,
  ];
}
