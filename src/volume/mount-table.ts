/** The mount table as this room asks it; it is read by ready/mount-table.ts. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { PysyncError } from '../errors.js';
import {
  backingFile,
  isMountedFrom as stateAt,
  namesOf,
  parseMountTable,
} from '../ready/mount-table.js';
import type { MountEntry, MountState } from '../ready/mount-table.js';
import { namesIn } from '../system/readable.js';
import { printable } from '../system/text.js';

export { mountAt } from '../ready/mount-table.js';
export type { MountEntry } from '../ready/mount-table.js';

/**
 * As in ready/, for those who are about to do something with the volume. Throws PysyncError
 * `MOUNT_HUNG` where what is mounted there does not answer: it may still be writing, so it must be
 * taken neither for mounted nor for dead.
 */
export async function isMountedFrom(
  path: string,
  image: string,
): Promise<Exclude<MountState, 'hung'>> {
  const state = await stateAt(path, image);
  if (state !== 'hung') return state;
  throw new PysyncError('MOUNT_HUNG', `the volume at ${printable(path)} does not answer`, {
    hints: ['the disk may be very busy: try again later', 'or end the program that serves it'],
  });
}

function mountTable(process = 'self'): MountEntry[] {
  return parseMountTable(readFileSync(`/proc/${process}/mountinfo`, 'utf8'));
}

/** The loop device (`loop3`) that the image is attached to, or undefined. */
export function loopDeviceOf(image: string): string | undefined {
  const names = namesOf(image);
  return namesIn('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .find((name) => {
      const file = backingFile(`/sys/block/${name}`);
      return file !== undefined && names.includes(file);
    });
}

/** Where the image is mounted, if it is, other than at `path`. */
export function placeElsewhere(image: string, path: string): string | undefined {
  const names = namesOf(image);
  const entry = mountTable().find(({ device, source, mountPoint }) => {
    const file = backingFile(`/sys/dev/block/${device}`) ?? source;
    return mountPoint !== path && names.includes(file);
  });
  return entry?.mountPoint;
}

/** Every place at or below `path` on which something is mounted. */
export function mountsBelow(path: string): readonly string[] {
  if (!existsSync('/proc/self/mountinfo')) return [];
  return mountTable()
    .map(({ mountPoint }) => mountPoint)
    .filter((place) => place === path || place.startsWith(`${path}/`));
}

export interface Holder {
  readonly pid: number;
  readonly name: string;
}

/**
 * A process in another mount namespace, such as a sandbox, that keeps a copy of this mount: the
 * file system would live on after it is unmounted here. Only processes of this user can be seen,
 * unless we are root.
 */
export function holderOf(entry: MountEntry): Holder | undefined {
  const parent = mountTable().find(({ id }) => id === entry.parent);
  const group = parent?.propagation.find((tag) => tag.startsWith('shared:'))?.slice(7);
  const seen = new Set([readlinkSync('/proc/self/ns/mnt')]);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const space = readlinkSync(`/proc/${pid}/ns/mnt`);
      if (seen.has(space)) continue;
      seen.add(space);
      if (!keepsCopy(mountTable(pid), entry.device, group)) continue;
      return { pid: Number(pid), name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() };
    } catch {
      // It has ended, or is not ours to look at.
    }
  }
  return undefined;
}

/** Copies on a mount which follows ours (`group`) are unmounted together with ours. */
function keepsCopy(table: MountEntry[], device: string, group: string | undefined): boolean {
  return table.some((copy) => {
    if (copy.device !== device) return false;
    const below = table.find(({ id }) => id === copy.parent);
    return group === undefined || !below?.propagation.some((tag) => tag.endsWith(`:${group}`));
  });
}
