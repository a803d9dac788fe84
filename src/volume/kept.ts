/** Disk images that no share uses: those `--size none` has left, in which files may still be. */
import { readdirSync, existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cappedShares, keptImages } from './registry.js';
import { leaveFolder } from './image-folder.js';
import { volumeOf, volumesFolder } from './volume.js';

export interface KeptImage {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** Those that exist, in whatever folder. */
export async function imagesWithoutShare(): Promise<readonly KeptImage[]> {
  const used = new Set(
    (await cappedShares()).map(({ path, volume }) => volumeOf(path, volume).image),
  );
  const own = existsSync(volumesFolder()) ? readdirSync(volumesFolder()) : [];
  const found = own
    .filter((name) => name.endsWith('.img'))
    .map((name) => join(volumesFolder(), name));
  const paths = new Set([...found, ...(await keptImages())]);
  return [...paths]
    .filter((path) => !used.has(path))
    .flatMap((path) => {
      const size = statSync(path, { throwIfNoEntry: false })?.size;
      if (size !== undefined) return [{ path, size }];
      leaveFolder(dirname(path));
      return [];
    });
}
