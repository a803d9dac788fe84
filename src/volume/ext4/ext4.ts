/** Volumes with an ext4, made and repaired by e2fsprogs or libguestfs. */
import { notedErrors } from '../../ready/superblock.js';
import type { Backend } from '../backend.js';
import { preallocate } from '../preallocate.js';
import { checkAndRepair } from './check.js';
import { rescue } from './damaged.js';
import { createImage } from './engines.js';
import { growFileSystem } from './grow.js';
import { fileSystemSize, fileSystemState, inodesAfterGrowth } from './header.js';
import { groupBytes, inodesFor, minimumSize, ownInodes, smallestFor } from './layout.js';

export const ext4: Backend = {
  name: 'ext4',
  minimumSize,
  // It ends with a whole group; what is left over is less than one.
  granularity: groupBytes,
  ownInodes,
  create: createImage,
  state: fileSystemState,
  isSound: (image) => notedErrors(image) === 0,
  checkAndRepair,
  span: fileSystemSize,
  grow: async (image, size) => {
    await checkAndRepair(image);
    await preallocate(image, size);
    await growFileSystem(image);
  },
  inodesFor,
  inodesAfterGrowth,
  smallestFor,
  rescue,
};
