/** Are the folders that peers send into there, fit for it, and not full? */
import { accessSync, constants } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { PysyncError } from '../../errors.js';
import { quoteAll } from '../../gate/quote.js';
import { placeFault, placeFaults } from '../../ready/place.js';
import { importedKeys } from '../../keys/imported.js';
import { cappedShares } from '../../volume/registry.js';
import { nestedShares } from '../../share/others.js';
import { fitSharePath, makeShare, placeRemedy } from '../../share/share.js';
import { formatSize } from '../../system/sizes.js';
import type { Check, Finding } from '../check.js';
import { ok, problem, warning } from '../finding.js';

/** Bytes below which a disk counts as nearly full. */
const fewBytes = 200 * 2 ** 20;
/** Bytes below which nothing can be sent. */
const noBytes = 64 * 1024;
/** Files that can still be made, below which a disk counts as nearly full. */
const fewFiles = 1000;

export const shares: Check = {
  name: 'shares',
  run: async () => {
    const { keys } = await importedKeys();
    const capped = (await cappedShares()).map(({ path }) => path);
    const used = [...new Set(keys.map(({ policy }) => policy.share))];
    if (used.length === 0) return [ok('none is used by a key yet')];
    const all = [...new Set([...used, ...capped])];
    const replaced = all.flatMap((path) => replacedOne(path, capped.includes(path)));
    const there = all.filter((path) => placeFault(path) === undefined);
    const paths = there.filter((path) => !capped.includes(path));
    const found = [
      ...replaced,
      ...(await Promise.all(paths.map(lookAt))).flat(),
      ...(await Promise.all(there.map(unsafe))).flat(),
      ...nested(all),
    ];
    if (found.length > 0) return found;
    if (paths.length === 0) return [ok('all are capped, and so volumes')];
    return [ok(`${paths.join(', ')}: there, and can be written`)];
  },
};

/** A share that is not the folder any more that was shared, and so is not served. */
function replacedOne(path: string, isCapped: boolean): Finding[] {
  const fault = placeFault(path);
  // A volume's mount point is made where it is missing.
  if (fault === undefined || (fault === 'missing' && isCapped)) return [];
  const make = (): Promise<string> => {
    makeShare(path);
    return Promise.resolve(`made ${path}`);
  };
  const text = `${path} ${placeFaults[fault]}, so nobody can send into it`;
  return [problem(text, [placeRemedy(path, fault)], fault === 'missing' ? make : undefined)];
}

/** Looks at a share without a cap; a volume is another check's. */
async function lookAt(path: string): Promise<Finding[]> {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    const command = `chmod u+rwx ${quoteAll([path])}`;
    return [problem(`${path} is closed to you, so nobody can send into it`, [command])];
  }
  return roomAt(path);
}

/** What the disk under `path` has left, where that is little: bytes, and files (inodes). */
async function roomAt(path: string): Promise<Finding[]> {
  const { bavail, bsize, blocks, files, ffree } = await statfs(path);
  const free = bavail * bsize;
  const hints = ['free some space'];
  const found: Finding[] = [];
  if (blocks > 0 && free < fewBytes) {
    const text = `${path}: the disk has ${formatSize(free)} left`;
    found.push(free < noBytes ? problem(text, hints) : warning(text, hints));
  }
  // Where a file system has no fixed number of files, it says 0.
  if (files > 0 && ffree < fewFiles) {
    const text = `${path}: the disk has room for ${ffree} more files, however small (inodes)`;
    found.push(ffree === 0 ? problem(text, hints) : warning(text, hints));
  }
  return found;
}

/** What was taken for a share by an older pysync may be no fit place. */
async function unsafe(path: string): Promise<Finding[]> {
  try {
    await fitSharePath(path);
    return [];
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    return [problem(error.message, error.hints)];
  }
}

function nested(paths: readonly string[]): Finding[] {
  return nestedShares(paths).map(([inner, outer]) =>
    warning(`${inner} lies in ${outer}, so the peers of ${outer} reach it too`, [
      'choose folders that do not hold each other: pysync -i <key> --dir <dir>',
    ]),
  );
}
