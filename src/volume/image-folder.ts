/**
 * Where a share's disk image is: in pysync's own folder if that is on the share's file system, else on
 * the share's disk, beside it, or where its owner says. What is sent must not land on another disk than
 * the share's path names.
 */
import { lstatSync, mkdirSync, realpathSync, rmSync, rmdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PysyncError } from '../errors.js';
import { fileFailure } from '../system/failures.js';
import { printable } from '../system/text.js';
import { lockOf, volumesFolder } from './volume.js';

/** The folder beside shares that is made for their images. */
const besideName = '.pysync-volumes';

/**
 * The folder for the image of `share`, which is there, made where it is missing; undefined for pysync's
 * own. `wanted` is the owner's word, and `shares` are all there are. Throws PysyncError
 * `IMAGE_FOLDER_UNFIT`, `FILE_FAILED`.
 */
export function makeImageFolder(
  share: string,
  wanted: string | undefined,
  shares: readonly string[],
): string | undefined {
  const own = volumesFolder();
  mkdirSync(own, { recursive: true, mode: 0o700 });
  if (wanted === undefined && statSync(own).dev === statSync(share).dev) return undefined;
  const folder = makeFolder(wanted ?? join(dirname(share), besideName));
  const peers = [share, ...shares].find((each) => each === folder || folder.startsWith(`${each}/`));
  // SECURITY: whoever sends into a share can change what is in it, also another share's image
  // (test/integration/volume/image-folder.test.ts).
  if (peers !== undefined) throw unfit(folder, `it is in the share ${printable(peers)}`);
  return folder === realpathSync(own) ? undefined : folder;
}

/** Creates a folder of the user's alone, or checks that it is one; returns its real path. */
function makeFolder(path: string): string {
  try {
    const made = mkdirSync(path, { recursive: true, mode: 0o700 });
    const folder = realpathSync(path);
    const { uid, mode } = lstatSync(folder);
    // One made just now has all the protection that its disk knows of: on some there is none.
    if (made !== undefined) return folder;
    if (uid !== process.geteuid?.()) throw unfit(folder, 'it is not yours');
    const isFree = (mode & 0o022) !== 0 && basename(folder) !== besideName;
    if (isFree) throw unfit(folder, 'others may write in it');
    return folder;
  } catch (error) {
    throw fileFailure(error, `make the folder for the disk image, ${printable(path)}`);
  }
}

function unfit(folder: string, why: string): PysyncError {
  return new PysyncError(
    'IMAGE_FOLDER_UNFIT',
    `${printable(folder)} cannot hold the disk image: ${why}`,
    { hints: ['name another folder, for you alone: --image-dir <dir>; it need not exist yet'] },
  );
}

/** Removes an image with what is of use only beside it; that it is not there is no failure. */
export function removeImage(image: string): void {
  for (const path of [image, lockOf(image)]) rmSync(path, { force: true });
  leaveFolder(dirname(image));
}

/** Removes the folder that was made beside a share, once the last image in it is gone. */
export function leaveFolder(folder: string): void {
  if (basename(folder) !== besideName) return;
  try {
    rmdirSync(folder);
  } catch {
    // The image of another share is still in it, or it is gone.
  }
}
