/** Disk images that no share uses: those `--size none` has left, in which files may still be. */
import { readdirSync, existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cappedShares, keptImages } from './registry.js';
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
  const images: KeptImage[] = [];
  for (const path of [...paths].filter((each) => !used.has(each))) {
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    if (size !== undefined) images.push({ path, size });
    else await leaveFolderOf(path);
  }
  return images;
}

async function leaveFolderOf(image: string): Promise<void> {
  // Loaded only here: status needs the rest of this file.
  const { leaveFolder } = await import('./image-folder.js');
  leaveFolder(dirname(image));
}
