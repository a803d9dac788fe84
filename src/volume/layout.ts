/**
 * How a volume's ext4 is laid out. Its figures are what `mke2fs` and `dumpe2fs` 1.47 gave for images
 * of 32M to 1T; usable is what is left for files, in percent of the cap: 83 at 32M, 93 at 100M, 96
 * at 500M, 97.6 at 1G, 98.2 at 10G, 99 above. A kernel mount shows 16 MiB (below 800M: 2 %) less.
 */

/** Bytes of the smallest volume: ext4 with a journal wants that much to be of use. */
export const minimumSize = 32 * 2 ** 20;

/** Bytes. Of 1 KiB, mke2fs's choice for small ones, an extended attribute of 3 KB would not fit. */
export const blockSize = 4096;

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

/** The layout of a volume of `size` bytes. */
export function layoutFor(size: number): Layout {
  const gibibyte = 2 ** 30;
  const growthLimit = Math.min(size * 1024, Math.max(size * 16, 2 ** 40));
  return {
    bytesPerInode: size < gibibyte ? 8192 : size < 16 * gibibyte ? 16_384 : 32_768,
    journalMebibytes: size < gibibyte ? 4 : size < 10 * gibibyte ? 8 : 16,
    // mke2fs counts blocks with 32 bits here.
    growthBlocks: Math.min(Math.floor(growthLimit / blockSize), 2 ** 32 - 1),
  };
}
