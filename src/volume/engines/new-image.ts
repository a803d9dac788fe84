/** What all engines do around their work: an image that is whole and on the disk, or none. */
import { rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileFailure } from '../../system/failures.js';
import { printable } from '../../system/text.js';
import { lockOf } from '../image-lock.js';
import { requireRoom } from '../preallocate.js';
import type { CreateRequest } from './engine.js';

/** Lets `fill` make the image; where it throws, nothing is left at `request.image`. */
export async function makeNewImage(
  request: CreateRequest,
  fill: (request: CreateRequest) => Promise<void>,
): Promise<void> {
  const { image } = request;
  await requireRoom(image, request.size);
  await onHandle(image, 'wx', () => Promise.resolve());
  try {
    await fill(request);
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
