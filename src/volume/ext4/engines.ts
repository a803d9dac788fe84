/** What makes the file system of a new image: a new engine is one function and one line here. */
import { rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { PysyncError } from '../../errors.js';
import { fileFailure } from '../../system/failures.js';
import { printable } from '../../system/text.js';
import type { CreateRequest, CreatedImage } from '../backend.js';
import { preallocate, requireRoom } from '../preallocate.js';
import { lockOf } from '../volume.js';
import type { EngineName } from '../volume.js';
import { makeWithGuestfish } from './libguestfs.js';
import { makeFileSystem } from './make.js';

/**
 * Each gives the empty file `request.image` its blocks and one ext4 as layout.ts lays it out, with
 * an empty root of mode 0700 and no `lost+found`. Where an engine cannot run it throws `ENGINE_…`.
 */
const engines: Readonly<Record<EngineName, (request: CreateRequest) => Promise<void>>> = {
  libguestfs: (request) => makeWithGuestfish(request),
  // Needs no appliance and no emulator: a few milliseconds.
  e2fsprogs: async (request) => {
    await preallocate(request.image, request.size, request.onProgress);
    request.onProgress('making the file system');
    await makeFileSystem(request.image, request);
  },
};

/**
 * `create` of the contract: with libguestfs, or with e2fsprogs where that cannot run. The file
 * system is the same.
 */
export async function createImage(
  request: CreateRequest,
  forced?: EngineName,
): Promise<CreatedImage> {
  try {
    await makeImage(request, forced ?? 'libguestfs');
    return { engine: forced ?? 'libguestfs' };
  } catch (error) {
    const mayFallBack = error instanceof PysyncError && error.code.startsWith('ENGINE_');
    if (forced !== undefined || !mayFallBack) throw error;
    await makeImage(request, 'e2fsprogs');
    return { engine: 'e2fsprogs', reason: `e2fsprogs made the volume: ${error.message}` };
  }
}

/** An image that is whole and on the disk, or none. */
async function makeImage(request: CreateRequest, engine: EngineName): Promise<void> {
  const { image } = request;
  await requireRoom(image, request.size);
  await onHandle(image, 'wx', () => Promise.resolve());
  try {
    await engines[engine](request);
    // It is renamed over what it replaces next, and must be on the disk by then.
    await onHandle(image, 'r', (handle) => handle.sync());
  } catch (error) {
    rmSync(image, { force: true });
    throw error;
  } finally {
    // Whoever opens it next makes another.
    rmSync(lockOf(image), { force: true });
  }
}

async function onHandle(
  image: string,
  flags: 'r' | 'wx',
  body: (handle: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  try {
    const handle = await open(image, flags, 0o600);
    await body(handle).finally(() => handle.close());
  } catch (error) {
    throw fileFailure(error, `write the disk image ${printable(image)}`);
  }
}
