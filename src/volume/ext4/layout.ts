/**
 * How a volume's ext4 is laid out. Its figures are what `mke2fs` and `dumpe2fs` 1.47 gave for images
 * of 32M to 1T; usable is what is left for files, in percent of the cap: 83 at 32M, 90 at 64M, 89 at
 * 100M, 92.8 at 500M, 92.9 at 1G, 93.6 at 10G, 98 from 64G on. A kernel mount shows 16 MiB (below 800M:
 * 2 %) less.
 */

/** Bytes of the smallest volume: ext4 with a journal wants that much to be of use. */
export const minimumSize = 32 * 2 ** 20;

/** Bytes. Of 1 KiB, mke2fs's choice for small ones, an extended attribute of 3 KB would not fit. */
export const blockSize = 4096;

/** Bytes of a block group: what one block of its bitmap can describe. */
export const groupBytes = 8 * blockSize * blockSize;

/** The first ten are ext4's own and the root. */
export const ownInodes = 10;

/**
 * Blocks held back for root. Not 0: fuse2fs takes that for "not set" and holds back a tenth of the
 * volume.
 */
export const reservedBlocks = 64;

export interface Layout {
  /** One inode for so many bytes: what decides how many files fit. Each costs 256 bytes. */
  readonly bytesPerInode: number;
  readonly journalMebibytes: number;
  /**
   * Blocks up to which the volume can grow by adding groups only. Past that, resize2fs has to move
   * what is there already. mke2fs's own choice is 1024 times the size, which takes 0.4 % at 10G.
   */
  readonly growthBlocks: number;
}

/**
 * One inode for each block, as far as that is worth its price, a sixteenth of the volume: then only
 * empty files, which take no block, can ever use up the inodes before the bytes. Four million of them
 * (1 GiB) are enough up to 64G, and one for 16 KiB above. Of a small volume an eighth is journal, so not
 * all of them could be used.
 */
function bytesPerInode(size: number): number {
  if (size < 96 * 2 ** 20) return 2 * blockSize;
  return Math.min(4 * blockSize, Math.max(blockSize, Math.ceil(size / 2 ** 22)));
}

/** `inodesFor` of the contract. */
export function inodesFor(size: number): number {
  return Math.floor(size / bytesPerInode(size));
}

/** What an inode takes of a volume. */
const inodeBytes = 256;

/**
 * `smallestFor` of the contract, in whole mebibytes: with what ext4 needs for itself, estimated with
 * some room.
 */
export function smallestFor(bytes: number, inodes: number): number {
  const mebibyte = 2 ** 20;
  const isEnough = (size: number): boolean => {
    const each = bytesPerInode(size);
    const usable = size * (1 - inodeBytes / each - 0.02) - 8 * mebibyte;
    return usable >= bytes && inodesFor(size) >= inodes;
  };
  let [low, high] = [minimumSize / mebibyte, 2 ** 26];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle * mebibyte)) high = middle;
    else low = middle + 1;
  }
  return low * mebibyte;
}

/** The layout of a volume of `size` bytes. */
export function layoutFor(size: number): Layout {
  const gibibyte = 2 ** 30;
  const growthLimit = Math.min(size * 1024, Math.max(size * 16, 2 ** 40));
  return {
    bytesPerInode: bytesPerInode(size),
    journalMebibytes: size < gibibyte ? 4 : size < 10 * gibibyte ? 8 : 16,
    // mke2fs counts blocks with 32 bits here.
    growthBlocks: Math.min(Math.floor(growthLimit / blockSize), 2 ** 32 - 1),
  };
}
