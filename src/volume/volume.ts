/**
 * What a capped share is: a file system in a disk image, mounted over the share's directory. All that
 * can be known without looking at the disk is in its record (registry.ts).
 */
import { join } from 'node:path';
import { dataFolder } from '../system/folders.js';

export type BackendName = 'ext4';
export type EngineName = 'libguestfs' | 'e2fsprogs';
export type MountName = 'loop' | 'fuse2fs' | 'guestmount';

/** What the registry keeps of a share's volume. */
export interface VolumeRecord {
  /** Names the image: `<id>.img`. Made once, from the share's name and a random part. */
  readonly id: string;
  /** The cap: bytes of the image, and the most that the share can take from the disk. */
  readonly size: number;
  /** Its file system (backends.ts); ext4 where nothing is said. */
  readonly backend?: BackendName;
  /** Bytes that statfs calls used while there is no file in it: the journal, with FUSE. */
  readonly overhead: number;
  /** Which engine made the file system. */
  readonly engine: EngineName;
  /** How it is mounted. */
  readonly mount: MountName;
  /** The folder of the image, where it is not pysync's own. */
  readonly folder?: string;
}

/** A volume with the places that belong to it. */
export interface Volume extends VolumeRecord {
  /** The share's directory, which is the mount point. */
  readonly share: string;
  /** The image in use. */
  readonly image: string;
  /** An image that is being built; with nobody at work on it, it is a leftover. */
  readonly newImage: string;
  /** The file whose flock(2) a program holds for as long as it has the image open (image-lock.ts). */
  readonly imageLock: string;
  /** The lock of pysync's own operations on this volume (system/locks.ts). */
  readonly operationLock: string;
  /** Where a new image is mounted while it is filled. */
  readonly stagingMount: string;
}

export function volumesFolder(): string {
  return join(dataFolder(), 'volumes');
}

/** The volume of `share` as its record describes it. */
export function volumeOf(share: string, record: VolumeRecord): Volume {
  const base = join(volumesFolder(), record.id);
  const image = join(record.folder ?? volumesFolder(), `${record.id}.img`);
  return {
    ...record,
    share,
    image,
    newImage: `${image}.new`,
    imageLock: lockOf(image),
    operationLock: `${base}.busy`,
    stagingMount: `${base}.mnt`,
  };
}

/** The lock of an image. Beside it and not itself, so that it outlives an image that is replaced. */
export function lockOf(image: string): string {
  return `${image}.lock`;
}
