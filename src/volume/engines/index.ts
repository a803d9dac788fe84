/** The engines, in the order in which they are tried. */
import { PysyncError } from '../../errors.js';
import type { EngineName } from '../volume.js';
import { e2fsprogs } from './e2fsprogs.js';
import type { CreateRequest, Engine } from './engine.js';
import { libguestfs } from './libguestfs.js';

const engines: Readonly<Record<EngineName, Engine>> = { libguestfs, e2fsprogs };

export interface CreatedImage {
  readonly engine: EngineName;
  /** A sentence that says why it was not the first choice. */
  readonly reason?: string;
}

/**
 * Makes the image with `forced`, else with libguestfs, or where that cannot run with e2fsprogs: the
 * file system is the same. Throws as engine.ts says.
 */
export async function createImage(
  request: CreateRequest,
  forced?: EngineName,
): Promise<CreatedImage> {
  if (forced !== undefined) {
    await engines[forced].create(request);
    return { engine: forced };
  }
  try {
    await libguestfs.create(request);
    return { engine: 'libguestfs' };
  } catch (error) {
    if (!(error instanceof PysyncError) || !error.code.startsWith('ENGINE_')) throw error;
    await e2fsprogs.create(request);
    return { engine: 'e2fsprogs', reason: `e2fsprogs made the volume: ${error.message}` };
  }
}
