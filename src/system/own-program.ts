/** A program that the owner names for pysync to run: nobody else may be able to change it. */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute } from 'node:path';

/**
 * Why the program at `path` is not to be run, as it completes "it": `is not executable`. Undefined
 * where nothing is wrong: it can be run, and it and each folder above belong to this user or root
 * and can be written by nobody else.
 */
export function faultOfProgram(path: string): string | undefined {
  if (!isAbsolute(path)) return 'is not an absolute path';
  if (/\p{Cc}/u.test(path)) return 'has a control character in its path';
  try {
    const real = realpathSync(path);
    if (!statSync(real).isFile()) return 'is not a file';
    accessSync(real, constants.X_OK);
    for (let part = real; ; part = dirname(part)) {
      if (!isOurs(part)) return `can be changed by others: see ls -ld ${part}`;
      if (part === dirname(part)) return undefined;
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? 'is not there'
      : 'is not executable';
  }
}

function isOurs(path: string): boolean {
  const { uid, gid } = userInfo();
  const { mode, uid: owner, gid: group } = statSync(path);
  if (owner !== uid && owner !== 0) return false;
  // In a sticky folder, such as /tmp, nobody may replace what belongs to somebody else.
  if ((mode & constants.S_IFMT) === constants.S_IFDIR && (mode & 0o1000) !== 0) return true;
  const writableByGroup = (mode & 0o020) !== 0 && group !== gid && group !== 0;
  return (mode & 0o002) === 0 && !writableByGroup;
}
