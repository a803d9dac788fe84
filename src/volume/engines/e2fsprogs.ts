/** The engine that needs nothing but e2fsprogs: no appliance, no emulator, a few milliseconds. */
import { makeFileSystem, preallocate } from '../ext4.js';
import type { Engine } from './engine.js';
import { makeNewImage } from './new-image.js';

export const e2fsprogs: Engine = {
  name: 'e2fsprogs',
  create: (request) =>
    makeNewImage(request, async () => {
      const { image, size, onProgress } = request;
      await preallocate(image, size, onProgress);
      onProgress('making the file system');
      await makeFileSystem(image, request);
    }),
};
