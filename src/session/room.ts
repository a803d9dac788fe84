/** What the sender is told where a capped share has no room: whose it is, and what would still fit. */
import { statfsSync } from 'node:fs';
import { Refusal } from '../gate/refusal.js';
import { heldRoom } from '../staging/parts.js';
import { runningSessions } from '../log/log.js';

const noRoom = 'what was sent does not fit: no space is left on the receiving side';

/** There is no room for even the first byte; rsync says 11 where it finds that out itself. */
export class NoRoom extends Refusal {
  override readonly status = 11;

  constructor([first = noRoom, ...rest]: readonly string[] = []) {
    // In rsync's words, which people look for.
    super(first, [...rest, 'No space left on device (28)']);
  }
}

const units = ['B', 'KB', 'MB', 'GB', 'TB'];

function sizeText(bytes: number): string {
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log2(bytes || 1) / 10)));
  return `${Math.round((bytes / 1024 ** power) * 10) / 10}${units[power] ?? ''}`;
}

/** Lines without `pysync:` in front; `cap` in bytes, `key` is the fingerprint of the sender's. */
export function describeFull(state: string, share: string, cap: number, key: string): string[] {
  const { bavail, bsize, files, ffree } = statfsSync(share);
  const free = sizeText(bavail * bsize);
  // ext4 keeps the first ten inodes for itself.
  const entries = Math.max(0, files - ffree - 10);
  const [what, more] =
    ffree === 0
      ? [
          `it holds ${entries} files, as many as it can`,
          `files have run out, and not bytes: ${free} is free; as one archive it may fit`,
        ]
      : [`${free} of it is free`, `files and folders in it: ${entries}, and ${ffree} more fit`];
  const { own, others, running } = heldRoom(state, share, runningSessions(state), key);
  const held = [
    [own, 'parts of your interrupted transfers, which the same command continues'],
    [others, 'parts of transfers of others'],
    [running, 'transfers of others that are running'],
  ] as const;
  return [
    `what was sent does not fit: the share's cap is ${sizeText(cap)}, and ${what}`,
    more,
    ...held
      .filter(([bytes]) => bytes > 0)
      .map(([bytes, whose]) => `${sizeText(bytes)} is held by ${whose}`),
  ];
}
