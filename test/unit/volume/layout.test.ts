import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layoutFor, minimumSize } from '../../../src/volume/layout.js';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const tebibyte = 2 ** 40;

test.each([
  [minimumSize, { bytesPerInode: 8192, journalMebibytes: 4, growthBlocks: 8 * mebibyte }],
  [
    gibibyte - 4096,
    { bytesPerInode: 8192, journalMebibytes: 4, growthBlocks: 256 * mebibyte - 1024 },
  ],
  [gibibyte, { bytesPerInode: 16_384, journalMebibytes: 8, growthBlocks: 256 * mebibyte }],
  [10 * gibibyte, { bytesPerInode: 16_384, journalMebibytes: 16, growthBlocks: 256 * mebibyte }],
  [16 * gibibyte, { bytesPerInode: 32_768, journalMebibytes: 16, growthBlocks: 256 * mebibyte }],
  [100 * gibibyte, { bytesPerInode: 32_768, journalMebibytes: 16, growthBlocks: 400 * mebibyte }],
  [2 * tebibyte, { bytesPerInode: 32_768, journalMebibytes: 16, growthBlocks: 2 ** 32 - 1 }],
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
