/**
 * What the file system of a volume promises to the operations, to mounting and to doctor, none of
 * which knows which one it is. Another one is a folder beside ext4/ and a line in backends.ts.
 *
 * An image holds one bare file system, without a partition table. That it is not mounted is the
 * caller's promise, except where it says otherwise; each tool holds the image's lock while it runs
 * (image-lock.ts), since two programs that write one file system destroy it.
 */
import type { BackendName, EngineName } from './volume.js';

export interface Backend {
  readonly name: BackendName;
  /** Bytes of the smallest volume. */
  readonly minimumSize: number;
  /** Bytes: the span of a volume may be smaller than its cap by less than this. */
  readonly granularity: number;
  /** Inodes that statfs(2) counts as used in a volume without files, its root among them. */
  readonly ownInodes: number;

  /**
   * Makes an image with its blocks on the disk, synced, and a file system in it whose root is empty
   * and of mode 0700. Without `engine`, the first that can run here does it.
   *
   * Throws PysyncError, with nothing left at `request.image`: `DISK_FULL` where the host has no
   * room, `ENGINE_…` where the engine cannot run or fails, with the reason and what to do about it.
   */
  readonly create: (request: CreateRequest, engine?: EngineName) => Promise<CreatedImage>;
  /** What the image says about itself. It may be mounted, or not be there. */
  readonly state: (image: string) => Promise<FileSystemState>;
  /** Whether nobody has noted an error in the image since its last check. It may be mounted. */
  readonly isSound: (image: string) => boolean;
  /**
   * Checks the image, as is needed before every mount, and repairs what a crash left. Takes
   * milliseconds where the volume was closed properly.
   *
   * Throws PysyncError `VOLUME_DAMAGED` where it could not be repaired (the image is kept as it
   * then is), `IMAGE_BUSY` where it is mounted, `FILE_FAILED` where it is not there.
   */
  readonly checkAndRepair: (image: string) => Promise<'clean' | 'repaired'>;
  /** Bytes that the file system spans. It may be mounted. Throws PysyncError `VOLUME_DAMAGED`. */
  readonly span: (image: string) => Promise<number>;
  /**
   * Gives image and file system `size` bytes, more than they have. A smaller volume is built beside
   * the old one instead (resize.ts). Throws as `checkAndRepair` does, and `DISK_FULL`; what is in it
   * is whole then, and its span is the old or the new one.
   */
  readonly grow: (image: string, size: number) => Promise<void>;

  /** How many files, folders and links a new volume of `size` bytes takes. */
  readonly inodesFor: (size: number) => number;
  /** How many this one will take once it has grown to `size` bytes. It may be mounted. */
  readonly inodesAfterGrowth: (image: string, size: number) => Promise<number>;
  /** Bytes of the smallest volume that takes `bytes` in `inodes` files, folders and links. */
  readonly smallestFor: (bytes: number, inodes: number) => number;
  /** The commands that rescue what is in a damaged image, from a copy of it. */
  readonly rescue: (image: string) => readonly string[];
}

export interface CreateRequest {
  /** Where the image is made; must not exist. */
  readonly image: string;
  /** Bytes; a multiple of 4096. */
  readonly size: number;
  /** Owner of the file system's root directory. */
  readonly uid: number;
  readonly gid: number;
  /** Told, in a few words, what is being done: `starting the appliance`. */
  readonly onProgress: (what: string) => void;
}

export interface CreatedImage {
  readonly engine: EngineName;
  /** A sentence that says why it was not the first choice. */
  readonly reason?: string;
}

/**
 * `dirty` was not closed properly, `errors` was found damaged by whoever used it, `none` holds no
 * such file system or is not there.
 */
export type FileSystemState = 'clean' | 'dirty' | 'errors' | 'none';
