/** How full a mounted volume is. */
import { statfs } from 'node:fs/promises';
import { backendOf } from './backends.js';
import type { VolumeRecord } from './volume.js';

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

/** Throws what statfs throws where nothing is mounted, or it does not answer. */
export async function capacityOf(
  share: string,
  record: Pick<VolumeRecord, 'backend' | 'overhead'>,
): Promise<Capacity> {
  const { blocks, bfree, bavail, bsize, files, ffree } = await statfs(share);
  const used = Math.max(0, (blocks - bfree) * bsize - record.overhead);
  const free = bavail * bsize;
  const entries = Math.max(0, files - ffree - backendOf(record).ownInodes);
  return { usable: used + free, used, free, entries, filesLeft: ffree };
}
