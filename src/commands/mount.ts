/** `pysync mount [dir]`: mounts the volumes of capped shares; the gate does so by itself. */
import { PysyncError } from '../errors.js';
import { cappedShares, shareRecord } from '../volume/registry.js';
import { placeOf } from '../share/share.js';
import { note, print } from '../system/output.js';
import { printable } from '../system/text.js';
import { namedShare } from '../volume/named.js';
import { openVolume } from '../volume/open.js';

export async function run(args: readonly string[]): Promise<void> {
  const wanted = await Promise.all(args.map((folder) => namedShare(folder, placeOf)));
  const records = await cappedShares();
  const meant = records.filter(({ path }) => wanted.length === 0 || wanted.includes(path));
  if (meant.length === 0) {
    throw new PysyncError('NOT_CAPPED', 'there is no capped share to mount', {
      hints: ['pysync --size 10G makes one'],
    });
  }
  for (const record of meant) {
    const notes = await openVolume(record);
    for (const sentence of notes) note(`pysync: ${printable(sentence)}`);
    // Making it may have been interrupted, and was undone then.
    const isCapped = (await shareRecord(record.path)) !== undefined;
    print(`${printable(record.path)} ${isCapped ? 'is mounted' : 'has no size cap'}`);
  }
}
