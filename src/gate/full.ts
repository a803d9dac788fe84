/**
 * Run by the launcher after a transfer into a capped share has failed: where that was for want of
 * room, it tells the sender so in one line. Arguments: the share, its cap in bytes, the connection's log.
 */
import { readFileSync, statfsSync } from 'node:fs';

const units = ['B', 'KB', 'MB', 'GB', 'TB'];

function sizeText(bytes: number): string {
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log2(bytes || 1) / 10)));
  return `${Math.round((bytes / 1024 ** power) * 10) / 10}${units[power] ?? ''}`;
}

const [share = '', cap = '', log = ''] = process.argv.slice(2);
// As strerror spells ENOSPC; rsync writes it into its log as well.
if (readFileSync(log, 'utf8').includes('No space left on device (28)')) {
  const { bavail, bsize, files, ffree } = statfsSync(share);
  const free = sizeText(bavail * bsize);
  // ext4 keeps the first ten inodes for itself.
  const entries = Math.max(0, files - ffree - 10);
  const [state, more] =
    ffree === 0
      ? [
          `it holds ${entries} files, as many as it can`,
          `files have run out, and not bytes: ${free} is free; as one archive it may fit`,
        ]
      : [`${free} of it is free`, `it holds ${entries} files and folders, and ${ffree} more fit`];
  // rsync has removed what did not fit by now, unless it keeps parts: so there may be room again.
  console.error(
    `pysync: what was sent does not fit: the share's cap is ${sizeText(Number(cap))}, and ${state}`,
  );
  console.error(`  ${more}`);
}
