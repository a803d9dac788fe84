/** What killed pysyncs have left in pysync's own folder for images. */
import { rmSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../system/locks.js';
import { namesIn } from '../system/readable.js';
import { cappedShares } from './registry.js';
import { volumesFolder } from './volume.js';

/** Removes what is of use only beside the image of a share, and belongs to none. */
export async function sweepVolumes(): Promise<void> {
  // Looked for first: a volume has its record before it has any file but its lock.
  const names = namesIn(volumesFolder());
  const known = new Set((await cappedShares()).map(({ volume }) => volume.id));
  for (const name of names) {
    const [, id = '', kind] =
      /^(.+?)\.(img\.lock|img\.new|img\.new\.lock|busy|mnt)$/.exec(name) ?? [];
    if (kind === undefined || known.has(id)) continue;
    const path = join(volumesFolder(), name);
    try {
      // Of a dead process, it is taken over and removed; that of a live one is its own.
      if (kind === 'busy') await withLock(path, () => Promise.resolve(), { waitMs: 0 });
      else if (kind === 'mnt') rmdirSync(path);
      else rmSync(path, { force: true });
    } catch {
      // In use, and so it stays.
    }
  }
}
