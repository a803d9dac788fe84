/** A key file: one key, many, or a whole `authorized_keys`. */
import { constants, lstatSync, type Stats } from 'node:fs';
import { lstat, open, stat, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { errnoOf, PysyncError } from '../../errors.js';
import { printable } from '../../system/text.js';
import { isGithubLogin } from './github-address.js';
import {
  forPolicy,
  largestSource,
  nameFromFile,
  tooLarge,
  type KeySource,
  type SourceResult,
} from './source.js';

export const file: KeySource = {
  reading: 'file',
  prefix: 'file:',
  inPolicy: 'file:',
  whyNotAskable: () => 'of a file only its name is kept',
  recognises: (source) => {
    try {
      // A symbolic link that leads nowhere is a file that cannot be read, not a GitHub user.
      lstatSync(source);
      return true;
    } catch (error) {
      return !['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE'].includes(
        errnoOf(error) ?? '',
      );
    }
  },
  read: async (source): Promise<SourceResult> => {
    const origin = `'${printable(source)}'`;
    const content = await readKeyFile(source, origin);
    const name = basename(source);
    const beside = `${source}.pub`;
    const hasBeside = await lstat(beside).then(
      () => true,
      () => false,
    );
    return {
      reading: 'file',
      source: `file:${forPolicy(name)}`,
      defaultName: nameFromFile(name),
      content,
      origin,
      ...(hasBeside ? { publicKeyBeside: printable(beside) } : {}),
    };
  },
};

async function readKeyFile(path: string, origin: string): Promise<Uint8Array> {
  try {
    // Opening a device can already do something, and opening a fifo waits for a writer.
    requireFile(await stat(path), path, origin);
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      requireFile(await handle.stat(), path, origin);
      const content = await readUpTo(handle, largestSource + 1);
      if (content.length > largestSource) throw tooLarge(origin);
      if (content.length === 0) throw new PysyncError('SOURCE_EMPTY', `${origin} is empty`);
      return content;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof PysyncError ? error : cannotRead(error, origin);
  }
}

/** Reads to the end or to `limit`: the size that a file is said to have may be wrong. */
async function readUpTo(handle: FileHandle, limit: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(limit);
  let size = 0;
  while (size < limit) {
    const { bytesRead } = await handle.read(buffer, size, limit - size);
    if (bytesRead === 0) break;
    size += bytesRead;
  }
  return buffer.subarray(0, size);
}

function requireFile(stats: Stats, path: string, origin: string): void {
  if (stats.isFile()) return;
  if (stats.isDirectory()) {
    const forUser = isGithubLogin(path) ? [`for the GitHub user of that name: gh:${path}`] : [];
    throw new PysyncError('SOURCE_IS_DIRECTORY', `${origin} is a directory`, {
      hints: ['give a key file in it', ...forUser],
    });
  }
  throw new PysyncError('SOURCE_IS_NO_FILE', `${origin} is not an ordinary file`, {
    hints: ['to read from another program, send its output in: PROGRAM | pysync -i -'],
  });
}

function cannotRead(cause: unknown, origin: string): PysyncError {
  const errno = errnoOf(cause) ?? 'unknown error';
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
    case 'ERR_INVALID_ARG_VALUE':
      return new PysyncError('SOURCE_MISSING', `there is no file ${origin}`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new PysyncError('SOURCE_UNREADABLE', `you may not read ${origin}`, {
        hints: ['run pysync as the user who receives, and let that user read it'],
        cause,
      });
    default:
      return new PysyncError('SOURCE_UNREADABLE', `${origin} cannot be read (${errno})`, { cause });
  }
}
