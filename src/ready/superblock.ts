/** The one thing the gate reads of a volume's file system without mounting it. */
import { closeSync, openSync, readSync } from 'node:fs';

/** `s_error_count`: ext4's superblock starts at byte 1024, and the count is at 0x194 in it. */
const errorCountAt = 1024 + 0x194;

/**
 * How many errors whoever mounted the image has noted in it since its last check; undefined where
 * the image is not there (it can be renamed away under its mount).
 *
 * fuse2fs 1.47.0 notes one, and takes no more writes, when several senders run into a full volume
 * at once: it can lose its way in its own tables then. Completed files are whole; a check repairs them.
 */
export function notedErrors(image: string): number | undefined {
  const buffer = Buffer.alloc(4);
  let descriptor: number;
  try {
    descriptor = openSync(image, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    readSync(descriptor, buffer, 0, buffer.length, errorCountAt);
  } finally {
    closeSync(descriptor);
  }
  return buffer.readUInt32LE(0);
}
