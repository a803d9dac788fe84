/** Which share a person means by a folder on the command line. */
import { readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PysyncError } from '../errors.js';
import { cappedShares } from './registry.js';
import type { ShareRecord } from './registry.js';
import { absolutePath, sharePath } from '../share/share.js';
import { printable } from '../system/text.js';
import { requirePlace } from './place.js';
import { volumeOf } from './volume.js';

/** As many as the kernel follows: path_resolution(7). */
const mostLinks = 40;

/**
 * `pathOf`, but for a capped share whose own place has become a link: that must not be taken for a
 * new share at the link's target, into which its owner never meant anything to be done.
 *
 * Throws as `pathOf` does, and PysyncError `FOLDER_IS_LINK`.
 */
export async function namedShare(
  folder: string,
  pathOf: (folder: string) => string | Promise<string> = sharePath,
): Promise<string> {
  const records = await cappedShares();
  const capped = records.map(({ path }) => path);
  const meant = stepsTo(absolutePath(folder)).find((step) => capped.includes(step));
  if (meant === undefined) return holdingNoImage(await pathOf(folder), records);
  requirePlace(meant);
  return meant;
}

/** SECURITY: who sends into a share can change an image in it (test/integration/volume/image-folder.test.ts). */
function holdingNoImage(path: string, records: readonly ShareRecord[]): string {
  const images = records.map((record) => volumeOf(record.path, record.volume).image);
  const inside = images.find((image) => image.startsWith(`${path === '/' ? '' : path}/`));
  if (inside === undefined) return path;
  throw new PysyncError(
    'SHARE_UNSAFE',
    `${printable(path)} cannot be a share: it holds the disk image of one`,
    {
      hints: [
        'choose a folder of its own with --dir, such as ~/public',
        `the disk image is ${printable(inside)}`,
      ],
    },
  );
}

/** The path itself, and what it is called with one link after the other replaced by its text. */
function stepsTo(path: string): readonly string[] {
  const steps = [path];
  for (let at = followOne(path); at !== undefined; at = followOne(at)) {
    steps.push(at);
    if (steps.length > mostLinks) break;
  }
  return steps;
}

/** The path with its first link replaced; undefined where it has none. */
function followOne(path: string): string | undefined {
  const parts = path.split('/').slice(1);
  for (let i = 1; i <= parts.length; i += 1) {
    const part = `/${parts.slice(0, i).join('/')}`;
    try {
      const target = resolve(dirname(part), readlinkSync(part));
      return join(target, ...parts.slice(i));
    } catch {
      // No link, or nothing that could be one.
    }
  }
  return undefined;
}
