/**
 * System calls on files that failed, as sentences. What is not in the table keeps its errno name,
 * so that a person has a word to search for.
 */
import { errnoOf, PysyncError } from '../errors.js';

const sentences: Readonly<Record<string, { what: string; hint?: string }>> = {
  EACCES: {
    what: 'permission denied',
    hint: 'check the owner and mode of it and of its directory',
  },
  EPERM: {
    what: 'operation not permitted',
    hint: 'it may be marked immutable: see lsattr or ls -lO',
  },
  EROFS: { what: 'its file system is mounted read-only' },
  ENOSPC: {
    what: 'no space left on its disk',
    hint: 'free some space, then run the command again',
  },
  EDQUOT: {
    what: 'the disk quota is used up',
    hint: 'free some space, then run the command again',
  },
  ENOENT: { what: 'no such file or directory' },
  ENOTDIR: { what: 'a part of its path is not a directory' },
  EISDIR: { what: 'it is a directory' },
  ELOOP: { what: 'its symbolic links lead in a circle' },
  ENAMETOOLONG: { what: 'its name is too long' },
  EIO: { what: 'the disk reports an input/output error', hint: 'see what dmesg says about it' },
};

/**
 * `error` as a PysyncError `FILE_FAILED` that reads "could not `doing`: …", if it comes from a
 * system call; any other value (a PysyncError, a bug) comes back as it is, to be thrown on.
 */
export function fileFailure(error: unknown, doing: string): unknown {
  if (error instanceof PysyncError) return error;
  const errno = errnoOf(error);
  // Node's own complaints (ERR_…) about arguments are bugs of ours, not answers of the system.
  if (errno === undefined || !/^E[A-Z0-9]+$/.test(errno)) return error;
  const known = sentences[errno];
  return new PysyncError('FILE_FAILED', `could not ${doing}: ${known?.what ?? errno}`, {
    hints: known?.hint === undefined ? [] : [known.hint],
    cause: error,
  });
}

/** Failures that lie in the machine and not in pysync, wherever they come up. */
const ofTheMachine = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EIO'];

const ofTheDisk = ['ENOSPC', 'EDQUOT', 'EIO'];

/** For an error that nobody expected: the same, where the machine is to blame for it. */
export function machineFailure(error: unknown): unknown {
  if (!ofTheMachine.includes(errnoOf(error) ?? '')) return error;
  const { path, code = '' } = error as NodeJS.ErrnoException;
  if (path !== undefined) return fileFailure(error, `use ${path}`);
  // A write to a file that is open names none.
  return ofTheDisk.includes(code) ? fileFailure(error, 'write to the disk') : error;
}
