/** Making the ext4 of layout.ts. */
import { runOnImage } from '../image-lock.js';
import { damaged } from './damaged.js';
import { check, debugfs, longTimeoutMs, removeLostAndFound, uncorrected } from './check.js';
import { blockSize, layoutFor, reservedBlocks } from './layout.js';

/** For a new image, which nobody can use where pysync is killed. */
const making = {
  purpose: 'make the file system',
  timeoutMs: longTimeoutMs,
  endsWithPysync: true,
} as const;

/**
 * Turns off the checksums of metadata, which mke2fs has on; e2fsck finds what a crash left without
 * them. fuse2fs computes them for each block it takes: 1 GiB costs it 6.5 s of processor time with
 * them, and 1.8 s without.
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

/** Makes the file system in an image of `size` bytes that is there already, all zeros. */
export async function makeFileSystem(
  image: string,
  { uid, gid, size }: { readonly uid: number; readonly gid: number; readonly size: number },
): Promise<void> {
  const { bytesPerInode, journalMebibytes, growthBlocks } = layoutFor(size);
  const words = [
    ...['-q', '-F', '-t', 'ext4', '-b', String(blockSize), '-m', '0', '-L', 'pysync'],
    ...['-i', String(bytesPerInode), '-J', `size=${journalMebibytes}`],
    ...['-E', `nodiscard,root_owner=${uid}:${gid},resize=${growthBlocks}`],
    ...withoutChecksums,
  ];
  await runOnImage(image, 'mke2fs', [...words, image], making);
  await runOnImage(image, 'tune2fs', ['-r', String(reservedBlocks), image], making);
  await debugfs(image, 'rmdir lost+found');
  await debugfs(image, 'set_inode_field <2> mode 040700');
  await runOnImage(image, 'e2fsck', ['-fn', image], making);
}
