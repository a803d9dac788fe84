/** Growing an ext4 in place. */
import { statSync } from 'node:fs';
import { runOnImage } from '../image-lock.js';
import { check, checkAndRepair, longTimeoutMs, removeLostAndFound, uncorrected } from './check.js';
import { damaged } from './damaged.js';
import { numberIn, readHeader, sizeIn } from './header.js';
import { blockSize, reservedBlocks } from './layout.js';

const growing = { purpose: 'grow the file system', timeoutMs: longTimeoutMs };

/** Makes the file system as large as the image has become. Throws as `checkAndRepair` does. */
export async function growFileSystem(image: string): Promise<void> {
  // resize2fs wants a full check that is newer than the last mount.
  const checked = await check(image, '-fp');
  if (checked.exitCode >= uncorrected) await checkAndRepair(image);
  await prepareLongGrowth(image);
  await runOnImage(image, 'resize2fs', [image], growing);
  await runOnImage(image, 'tune2fs', ['-r', String(reservedBlocks), image], growing);
  await removeLostAndFound(image);
}

/**
 * Gives up the room that is reserved for the group descriptors of a larger volume, where it is not
 * going to be enough.
 *
 * resize2fs 1.47 then has to move what is behind them, and on a volume with no block free it
 * loses the inode that holds the reservation and with it the root directory (32M full, to 40G:
 * "Illegal doubly indirect block"). Without that inode it moves everything correctly.
 */
async function prepareLongGrowth(image: string): Promise<void> {
  const header = await readHeader(image);
  if (header === undefined || !/^Filesystem features:.*\bresize_inode\b/m.test(header)) return;
  const groupBytes = numberIn(header, 'Blocks per group') * blockSize;
  const perBlock = blockSize / numberIn(header, 'Group descriptor size', 32);
  const descriptorBlocks = (bytes: number): number =>
    Math.ceil(Math.ceil(bytes / groupBytes) / perBlock);
  const reserved = numberIn(header, 'Reserved GDT blocks', 0);
  const present = descriptorBlocks(sizeIn(header));
  if (descriptorBlocks(statSync(image).size) <= present + reserved) return;
  await runOnImage(image, 'tune2fs', ['-O', '^resize_inode', image], growing);
  const { exitCode } = await check(image, '-fy');
  if (exitCode >= uncorrected) throw damaged(image, 'could not be repaired');
}
