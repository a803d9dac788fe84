/** What every way of mounting promises. A new one is one file and one line in index.ts. */
import type { MountName } from '../volume.js';

export interface MountRequest {
  /** Absolute path of the image: one bare ext4, clean. */
  readonly image: string;
  /** An empty directory of the user's. */
  readonly mountPoint: string;
  /** Held with flock(2) as long as a FUSE program has the image open. */
  readonly imageLock: string;
  readonly readOnly?: boolean;
}

export interface MountMethod {
  readonly name: MountName;
  /** Why this way cannot be taken on this machine by this user, or undefined where it can. */
  readonly obstacle: (request: MountRequest) => string | undefined;
  /**
   * Mounts nosuid, nodev, noexec. Returns once the mount table has it and statfs answers; the
   * tool's own exit status is not believed. Throws PysyncError `MOUNT_FAILED`, or `IMAGE_BUSY`
   * where something else has the image open; nothing is mounted then.
   */
  readonly mount: (request: MountRequest) => Promise<void>;
  /**
   * Unmounts, and returns once nothing has the image open any more (for FUSE: the lock is free).
   * Throws PysyncError `MOUNT_BUSY` where the mount is in use, which leaves it in place.
   */
  readonly unmount: (request: MountRequest) => Promise<void>;
}
