/** `pysync unmount [dir]`: unmounts the volumes of capped shares, until the next connection. */
import { PysyncError } from '../errors.js';
import { cappedShares } from '../volume/registry.js';
import { placeOf } from '../share/share.js';
import { print } from '../system/output.js';
import { printable } from '../system/text.js';
import { namedShare } from '../volume/named.js';
import { closeVolume } from '../volume/open.js';
import type { Options } from './words/options.js';

export async function run(args: readonly string[], options: Options): Promise<void> {
  const wanted = await Promise.all(args.map((folder) => namedShare(folder, placeOf)));
  const records = await cappedShares();
  const meant = records.filter(({ path }) => wanted.length === 0 || wanted.includes(path));
  if (meant.length === 0) {
    throw new PysyncError('NOT_CAPPED', 'there is no capped share to unmount');
  }
  const waitMs = options['wait'] === true ? 24 * 3600 * 1000 : 0;
  for (const { path } of meant) {
    await closeVolume(path, waitMs);
    print(`${printable(path)} is unmounted; the next transfer mounts it again`);
  }
}
