import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layoutFor, minimumSize, smallestFor } from '../../../src/volume/ext4/layout.js';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const tebibyte = 2 ** 40;

test.each([
  [minimumSize, { bytesPerInode: 8192, journalMebibytes: 4, growthBlocks: 8 * mebibyte }],
  [96 * mebibyte, { bytesPerInode: 4096, journalMebibytes: 4, growthBlocks: 24 * mebibyte }],
  [
    gibibyte - 4096,
    { bytesPerInode: 4096, journalMebibytes: 4, growthBlocks: 256 * mebibyte - 1024 },
  ],
  [gibibyte, { bytesPerInode: 4096, journalMebibytes: 8, growthBlocks: 256 * mebibyte }],
  [10 * gibibyte, { bytesPerInode: 4096, journalMebibytes: 16, growthBlocks: 256 * mebibyte }],
  [16 * gibibyte, { bytesPerInode: 4096, journalMebibytes: 16, growthBlocks: 256 * mebibyte }],
  [32 * gibibyte, { bytesPerInode: 8192, journalMebibytes: 16, growthBlocks: 256 * mebibyte }],
  [100 * gibibyte, { bytesPerInode: 16_384, journalMebibytes: 16, growthBlocks: 400 * mebibyte }],
  [2 * tebibyte, { bytesPerInode: 16_384, journalMebibytes: 16, growthBlocks: 2 ** 32 - 1 }],
])('a volume of %d bytes is laid out for what it will hold', (size, layout) => {
  expect(layoutFor(size)).toEqual(layout);
});

test('every volume can grow sixteenfold, or as far as ext4 counts, without moving anything', () => {
  fc.assert(
    fc.property(fc.integer({ min: minimumSize, max: 2 ** 45 }), (size) => {
      const { growthBlocks } = layoutFor(size);
      expect(growthBlocks).toBeGreaterThanOrEqual(
        Math.min(Math.floor((size * 16) / 4096), 2 ** 32 - 1),
      );
      expect(growthBlocks).toBeLessThan(2 ** 32);
    }),
  );
});

test('the smallest volume for what is stored is found, by its files as by its bytes', () => {
  const inodes = (size: number): number => Math.floor(size / layoutFor(size).bytesPerInode);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.integer({ min: 1, max: 2 ** 26 }),
      (bytes, count) => {
        const size = smallestFor(bytes, count);
        expect(inodes(size)).toBeGreaterThanOrEqual(count);
        expect(size).toBeGreaterThan(bytes);
        expect(smallestFor(bytes, 1)).toBeLessThanOrEqual(size);
        expect(smallestFor(bytes, 1)).toBeLessThanOrEqual(bytes * 1.1 + minimumSize);
        // A larger one takes as many files, but for the bytes of an inode, which are rounded up.
        expect(inodes(size + mebibyte)).toBeGreaterThanOrEqual(inodes(size) * (1 - 1 / 4096));
      },
    ),
  );
});
