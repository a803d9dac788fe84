/** What every engine promises. A new one is one file and one line in index.ts. */
import type { EngineName } from '../volume.js';

export interface CreateRequest {
  /** Where the image is made; must not exist. */
  readonly image: string;
  /** Bytes; a multiple of 4096. */
  readonly size: number;
  /** Owner of the file system's root directory. */
  readonly uid: number;
  readonly gid: number;
  /** Told, in a few words, what goes on: `starting the appliance`. */
  readonly onProgress: (what: string) => void;
}

export interface Engine {
  readonly name: EngineName;
  /**
   * Makes a preallocated image that holds one bare ext4 (no partition table) as layout.ts lays it
   * out, with an empty root of mode 0700 and no `lost+found`.
   *
   * Throws PysyncError, with nothing left at `image`: `DISK_FULL` where the host has no room,
   * `ENGINE_FAILED` and others with the known reason and what to do about it.
   */
  readonly create: (request: CreateRequest) => Promise<void>;
}
