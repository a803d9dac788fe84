/** How much is in a share. */
import { lstat, opendir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ownFolder } from '../gate/paths.js';

export interface Usage {
  /** Bytes of the files' contents. */
  readonly bytes: number;
  readonly files: number;
  /** Whether all was counted; a large tree is counted only as far as `limitMs` reached. */
  readonly complete: boolean;
  /** Bytes that the file system has left for an ordinary user. */
  readonly free: number;
}

/** Counts what is in `share`, for at most `limitMs` milliseconds; undefined where it is not there. */
export async function usageOf(share: string, limitMs = 300): Promise<Usage | undefined> {
  const deadline = Date.now() + limitMs;
  try {
    const { bavail, bsize } = await statfs(share);
    const counted = { bytes: 0, files: 0, complete: true };
    const folders = [share];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      if (Date.now() > deadline) {
        counted.complete = false;
        break;
      }
      await countFolder(folder, folders, counted);
    }
    return { ...counted, free: bavail * bsize };
  } catch {
    return undefined;
  }
}

async function countFolder(
  folder: string,
  folders: string[],
  counted: { bytes: number; files: number },
): Promise<void> {
  for await (const entry of await opendir(folder)) {
    // What transfers keep there is not a file of the share yet.
    if (entry.name === ownFolder) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      folders.push(path);
    } else {
      counted.files += 1;
      if (entry.isFile()) counted.bytes += (await lstat(path)).size;
    }
  }
}
