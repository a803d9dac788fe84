/** How full a mounted volume is. */
import { statfs } from 'node:fs/promises';

export interface Capacity {
  /** Bytes that files can take in all. */
  readonly usable: number;
  readonly used: number;
  readonly free: number;
  readonly files: number;
  /** How many more files there can be. */
  readonly filesLeft: number;
}

/**
 * `overhead` is the record's. Throws what statfs throws where nothing is mounted or it does not
 * answer.
 */
export async function capacityOf(share: string, overhead: number): Promise<Capacity> {
  const { blocks, bfree, bavail, bsize, files, ffree } = await statfs(share);
  const used = Math.max(0, (blocks - bfree) * bsize - overhead);
  const free = bavail * bsize;
  // ext4 counts the ten inodes that it keeps for itself, the root's among them, as files.
  return {
    usable: used + free,
    used,
    free,
    files: Math.max(0, files - ffree - 10),
    filesLeft: ffree,
  };
}
