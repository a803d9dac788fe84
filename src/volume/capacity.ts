/** How full a mounted volume is. */
import { statfs } from 'node:fs/promises';

export interface Capacity {
  /** Bytes that files can take in all. */
  readonly usable: number;
  readonly used: number;
  readonly free: number;
  /** How many more files there can be. */
  readonly filesLeft: number;
}

/**
 * `overhead` is the record's. Throws what statfs throws where nothing is mounted or it does not
 * answer.
 */
export async function capacityOf(share: string, overhead: number): Promise<Capacity> {
  const { blocks, bfree, bavail, bsize, ffree } = await statfs(share);
  const used = Math.max(0, (blocks - bfree) * bsize - overhead);
  const free = bavail * bsize;
  return { usable: used + free, used, free, filesLeft: ffree };
}
