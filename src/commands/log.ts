/** `pysync log`: who sent or fetched what, when, how much, and how it ended. */
import { isOf, lastTransfers } from '../history/log-files.js';
import type { Logged } from '../history/log-files.js';
import { print, printJson } from '../system/output.js';
import { readCount, readSince, text } from './words/options.js';
import type { Options } from './words/options.js';
import { fileAsJson, shownFiles, transferAsJson, transferLines } from './views/transfer-view.js';

export async function run(_args: readonly string[], options: Options): Promise<void> {
  const peer = text(options, 'peer');
  const since = readSince(options, new Date());
  const isFollowing = options['follow'] === true;
  const count = readCount(options);
  const asJson = options['json'] === true;
  if (isFollowing) {
    const { followLog } = await import('./log-follow.js');
    const before = count ?? (asJson ? 0 : 5);
    const earlier = lastTransfers({ count: before, peer, since, keep: shownFiles }).filter(
      ({ ending }) => ending.kind !== 'running',
    );
    await followLog(earlier, (transfer) => isOf(transfer, peer), asJson);
    return;
  }
  const keep = asJson ? Infinity : shownFiles;
  const transfers = lastTransfers({ count: count ?? 20, peer, since, keep });
  if (asJson) printJson({ transfers: transfers.map(wholeAsJson) });
  else if (transfers.length === 0) print(nothing(peer !== undefined || since !== undefined));
  else transferLines(transfers).forEach(print);
}

function nothing(isPart: boolean): string {
  return isPart ? 'no such connection is in the history' : 'no peer has connected yet';
}

function wholeAsJson(transfer: Logged): object {
  return {
    ...transferAsJson(transfer, transfer.ended),
    files: transfer.files.map(fileAsJson),
  };
}
