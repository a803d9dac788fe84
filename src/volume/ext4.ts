/**
 * The e2fsprogs operations on an image. Two programs that write one ext4 destroy it: each tool holds
 * the image's lock while it runs, and that nothing has it mounted is the caller's promise.
 */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { PysyncError } from '../errors.js';
import { fileFailure } from '../system/failures.js';
import { run } from '../system/run.js';
import type { RunResult } from '../system/run.js';
import { printable } from '../system/text.js';
import { runOnImage } from './image-lock.js';
import { blockSize, layoutFor, reservedBlocks } from './layout.js';

export { freeOnHost, preallocate } from './preallocate.js';

/** Milliseconds: a full check reads every inode, and a volume may have terabytes. */
const longTimeoutMs = 3_600_000;

/** What e2fsck(8) adds up to its exit status. */
const uncorrected = 4;
const notRun = 8;

export type FileSystemState = 'clean' | 'dirty' | 'errors' | 'none';

/**
 * Checks the image, as is needed before every mount, and repairs what a crash left. Takes
 * milliseconds where the volume was closed properly.
 *
 * Throws PysyncError `VOLUME_DAMAGED` where it could not be repaired (the image is kept as it then
 * is), `IMAGE_BUSY` where it is mounted, `FILE_FAILED` where it is not there.
 */
export async function checkAndRepair(image: string): Promise<'clean' | 'repaired'> {
  const size = sizeOnDisk(image);
  const before = await readHeader(image);
  if (before !== undefined) refuseTruncated(image, size, before);
  const wasClean = before !== undefined && stateIn(before) === 'clean';
  const quick = await check(image, '-p');
  if (quick.exitCode === 0) return wasClean ? 'clean' : settle(image);
  if (quick.exitCode < uncorrected) return settle(image);
  refuseMounted(image, quick);
  const thorough = await check(image, '-fy');
  if (thorough.exitCode < uncorrected) return settle(image);
  refuseMounted(image, thorough);
  throw damaged(image, 'could not be repaired');
}

async function settle(image: string): Promise<'repaired'> {
  await removeLostAndFound(image);
  return 'repaired';
}

/**
 * Takes `lost+found` away: it is root's, so a sender who lists the share would get an error for it.
 * e2fsck makes it anew whenever it looks through the whole file system. One with found files in it
 * is given to the owner of the volume's root.
 */
export async function removeLostAndFound(image: string): Promise<void> {
  // debugfs exits with 0 whatever happened; what it could not do stands in its standard error.
  const { stderr } = await debugfs(image, 'rmdir lost+found');
  if (!stderr.includes('not empty')) return;
  const { stdout } = await run('debugfs', ['-R', 'stat <2>', image], {
    purpose: 'read the volume',
  });
  const [, uid, gid] = /User:\s*(\d+)\s+Group:\s*(\d+)/.exec(stdout) ?? [];
  if (uid === undefined || gid === undefined) return;
  await debugfs(image, `set_inode_field lost+found uid ${uid}`);
  await debugfs(image, `set_inode_field lost+found gid ${gid}`);
}

/**
 * What the image says about itself: `dirty` was not closed properly, `errors` was found damaged by
 * whoever used it, `none` holds no ext4 or is not there.
 */
export async function fileSystemState(image: string): Promise<FileSystemState> {
  const header = await readHeader(image);
  return header === undefined ? 'none' : stateIn(header);
}

/** Bytes that the file system in the image spans. Throws PysyncError `VOLUME_DAMAGED`. */
export async function fileSystemSize(image: string): Promise<number> {
  const header = await readHeader(image);
  if (header === undefined) throw damaged(image, 'holds no ext4 file system');
  return sizeIn(header);
}

/** How many inodes it will have once it has grown in place to `size` bytes: each group brings as many. */
export async function inodesAfterGrowth(image: string, size: number): Promise<number> {
  const header = await readHeader(image);
  if (header === undefined) throw damaged(image, 'holds no ext4 file system');
  const groupBytes = numberIn(header, 'Blocks per group') * blockSize;
  return Math.ceil(size / groupBytes) * numberIn(header, 'Inodes per group');
}

/** Makes the file system as large as the image has become. Throws as `checkAndRepair` does. */
export async function growFileSystem(image: string): Promise<void> {
  // resize2fs wants a full check that is newer than the last mount.
  const checked = await check(image, '-fp');
  if (checked.exitCode >= uncorrected) await checkAndRepair(image);
  await prepareLongGrowth(image);
  const options = { purpose: 'grow the file system', timeoutMs: longTimeoutMs };
  await runOnImage(image, 'resize2fs', [image], options);
  await runOnImage(image, 'tune2fs', ['-r', String(reservedBlocks), image], options);
  await removeLostAndFound(image);
}

/**
 * Gives up the room that is reserved for the group descriptors of a larger volume, where it is not
 * going to be enough.
 *
 * resize2fs 1.47 then has to move what lies behind them, and on a volume with no block free it
 * loses the inode that holds the reservation and with it the root directory (32M full, to 40G:
 * "Illegal doubly indirect block"). Without that inode it moves everything rightly.
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
  if (descriptorBlocks(sizeOnDisk(image)) <= present + reserved) return;
  const options = { purpose: 'grow the file system' };
  await runOnImage(image, 'tune2fs', ['-O', '^resize_inode', image], options);
  const { exitCode } = await check(image, '-fy');
  if (exitCode >= uncorrected) throw damaged(image, 'could not be repaired');
}

/**
 * Takes away the checksums of metadata that mke2fs has on by itself; e2fsck finds what a crash left
 * without them. fuse2fs counts them anew for each block it takes: it needs 6.5 s of processor for
 * 1 GiB with them, and 1.8 s without.
 */
const withoutChecksums = ['-O', '^metadata_csum,^metadata_csum_seed,uninit_bg'];

/** Makes an image that something else has made and mounted one of `makeFileSystem`'s. */
export async function dropChecksums(image: string): Promise<void> {
  // tune2fs wants a check that is newer than the last mount.
  const { exitCode } = await check(image, '-fp');
  if (exitCode >= uncorrected) throw damaged(image, 'was not made well');
  await runOnImage(image, 'tune2fs', [...withoutChecksums, image], making);
  await removeLostAndFound(image);
}

/** For a new image, which nobody can use where pysync is killed. */
const making = {
  purpose: 'make the file system',
  timeoutMs: longTimeoutMs,
  endsWithPysync: true,
} as const;

/** Makes the ext4 of layout.ts in an image of `size` bytes that is there already, all zeros. */
export async function makeFileSystem(
  image: string,
  { uid, gid, size }: { readonly uid: number; readonly gid: number; readonly size: number },
): Promise<void> {
  const { bytesPerInode, journalMebibytes, growthBlocks } = layoutFor(size);
  const extended = `nodiscard,root_owner=${uid}:${gid},resize=${growthBlocks}`;
  const shape = ['-t', 'ext4', '-b', String(blockSize), '-m', '0', '-i', String(bytesPerInode)];
  const rest = [
    '-J',
    `size=${journalMebibytes}`,
    '-L',
    'pysync',
    '-E',
    extended,
    ...withoutChecksums,
  ];
  await runOnImage(image, 'mke2fs', ['-q', '-F', ...shape, ...rest, image], making);
  await runOnImage(image, 'tune2fs', ['-r', String(reservedBlocks), image], making);
  await debugfs(image, 'rmdir lost+found');
  await debugfs(image, 'set_inode_field <2> mode 040700');
  await runOnImage(image, 'e2fsck', ['-fn', image], making);
}

function check(image: string, how: '-p' | '-fp' | '-fy'): Promise<RunResult> {
  return runOnImage(image, 'e2fsck', [how, image], {
    purpose: 'check the volume',
    timeoutMs: longTimeoutMs,
    // A sum of what it did.
    expectExit: 'any',
  });
}

function debugfs(image: string, command: string): Promise<RunResult> {
  const options = { purpose: 'edit the volume' };
  return runOnImage(image, 'debugfs', ['-w', '-R', command, image], options);
}

/** What `dumpe2fs -h` says, or undefined where the image holds no ext4. */
async function readHeader(image: string): Promise<string | undefined> {
  // It ends with an error number cut to a byte.
  const options = { purpose: 'read the volume', expectExit: 'any' } as const;
  const { exitCode, stdout, stderr } = await run('dumpe2fs', ['-h', image], options);
  if (stderr.includes('Permission denied')) {
    throw new PysyncError('FILE_FAILED', `could not read the disk image ${printable(image)}`, {
      hints: ['check the owner and mode of it and of its directory'],
    });
  }
  return exitCode === 0 ? stdout : undefined;
}

function stateIn(header: string): FileSystemState {
  const state = /^Filesystem state:\s*(.*)$/m.exec(header)?.[1] ?? '';
  if (state.includes('with errors')) return 'errors';
  return state === 'clean' && !header.includes('needs_recovery') ? 'clean' : 'dirty';
}

function sizeIn(header: string): number {
  return numberIn(header, 'Block count') * numberIn(header, 'Block size');
}

function numberIn(header: string, name: string, otherwise?: number): number {
  const text = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(header)?.[1];
  const number = text === undefined ? otherwise : Number(text);
  if (number === undefined) throw new Error(`dumpe2fs says nothing of '${name}'`);
  return number;
}

function sizeOnDisk(image: string): number {
  try {
    return statSync(image).size;
  } catch (error) {
    throw fileFailure(error, `read the disk image ${printable(image)}`);
  }
}

function refuseTruncated(image: string, size: number, header: string): void {
  const wanted = sizeIn(header);
  if (size >= wanted) return;
  throw damaged(image, `was cut off: it has ${size} bytes instead of ${wanted}`);
}

function refuseMounted(image: string, { exitCode, stderr, stdout }: RunResult): void {
  if ((exitCode & notRun) === 0 || !/is mounted|is in use/.test(stderr + stdout)) return;
  throw new PysyncError('IMAGE_BUSY', `${printable(image)} is in use by something else`, {
    hints: ['see what holds it: losetup --list, or fuser IMAGE'],
  });
}

function damaged(image: string, what: string): PysyncError {
  const copy = printable(basename(image)) + '.copy';
  return new PysyncError('VOLUME_DAMAGED', `the disk image ${printable(image)} ${what}`, {
    hints: [
      'the image is kept, and nothing is let into its share until it is well',
      `to rescue what is in it, work on a copy: cp ${printable(image)} ${copy}`,
      `then: e2fsck -fy ${copy}, and debugfs -R 'rdump / FOLDER' ${copy}`,
    ],
  });
}
