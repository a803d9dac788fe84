/** How full a mounted volume is. */
import { statfs } from 'node:fs/promises';

export interface Capacity {
  /** Bytes that files can take in all. */
  readonly usable: number;
  readonly used: number;
  readonly free: number;
  /** Files, folders and links that are there. */
  readonly entries: number;
  /** How many more there can be. */
  readonly filesLeft: number;
}

/** Of ext4 itself, and the root: the first ten. */
const ownInodes = 10;

/**
 * `overhead` is the record's. Throws what statfs throws where nothing is mounted or it does not
 * answer.
 */
export async function capacityOf(share: string, overhead: number): Promise<Capacity> {
  const { blocks, bfree, bavail, bsize, files, ffree } = await statfs(share);
  const used = Math.max(0, (blocks - bfree) * bsize - overhead);
  const free = bavail * bsize;
  const entries = Math.max(0, files - ffree - ownInodes);
  return { usable: used + free, used, free, entries, filesLeft: ffree };
}
