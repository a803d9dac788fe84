/**
 * Capped shares. A share that has a cap is a mounted volume, and nothing may be written into the
 * bare directory below it: the gate sees to it that it is mounted, or refuses.
 *
 * Mounting itself is not the gate's work. It starts `pysync mount`, which checks and repairs the
 * volume first, and then looks for itself whether it is there.
 */
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMountedFrom, mountAt } from './mount-table.js';
import { Refusal } from '../gate/refusal.js';
import { runPysync } from './own-program.js';
import type { Folders } from './own-program.js';
import { notedErrors } from './superblock.js';

/** A capped share, as far as the gate has to know it. */
export interface CappedShare {
  readonly share: string;
  /** Bytes. */
  readonly size: number;
  readonly image: string;
  /** There for as long as an operation of pysync is at work on the volume. */
  readonly operationLock: string;
  /** An operation was begun on it and has not ended. */
  readonly isPending: boolean;
}

/** The share's cap, or undefined where it has none. Throws where `shares.json` cannot be read. */
export function cappedShare(folders: Folders, share: string): CappedShare | undefined {
  let text: string;
  try {
    text = readFileSync(join(folders.data, 'shares.json'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { shares } = JSON.parse(text) as {
    shares: {
      path: string;
      volume: { id: string; size: number; folder?: string };
      pending?: object;
    }[];
  };
  const record = shares.find(({ path }) => path === share);
  if (record === undefined) return undefined;
  const own = join(folders.data, 'volumes');
  const { id, size, folder = own } = record.volume;
  const isPending = record.pending !== undefined;
  const image = join(folder, `${id}.img`);
  return { share, size, image, operationLock: join(own, `${id}.busy`), isPending };
}

/**
 * Whether the volume is mounted and well, and nobody is about to take it away. To be asked again after the
 * connection was noted in `running/`: whoever takes a volume away locks it first and looks for
 * running connections then, so that one of the two sees the other.
 */
export async function isUsable(capped: CappedShare): Promise<boolean> {
  if (capped.isPending) return false;
  if (lstatSync(capped.operationLock, { throwIfNoEntry: false }) !== undefined) return false;
  const isMounted = (await isMountedFrom(capped.share, capped.image)) === 'mounted';
  // SECURITY: a folder above that became a link may lead to where the volume is; it is not the share's
  // place then (test/integration/volume/place.test.ts).
  if (mountAt(capped.share)?.mountPoint !== capped.share) return false;
  return isMounted && notedErrors(capped.image) === 0;
}

/** Has the volume mounted. Throws Refusal where that fails. */
export async function mountVolume(folders: Folders, share: string): Promise<void> {
  // The last mount may still be writing to a slow disk, and guestmount boots a machine.
  if (await runPysync(folders, 'cli.js', ['mount', share], 240_000)) return;
  throw new Refusal('this share cannot be used now: its volume is not available', [
    'its owner can see why with: pysync status',
  ]);
}
