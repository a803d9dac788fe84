/** A program that the owner names for pysync to run: nobody else may be able to change it. */
import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { errnoOf } from '../errors.js';
import { loosePlaces } from './loose-places.js';

/**
 * Why the program at `path` is not to be run, as it completes "it": `is not executable`. Undefined
 * where nothing is wrong: it can be run, and nobody but this user and root can put another there.
 */
export function faultOfProgram(path: string): string | undefined {
  if (!isAbsolute(path)) return 'is not an absolute path';
  if (/\p{Cc}/u.test(path)) return 'has a control character in its path';
  try {
    if (!statSync(path).isFile()) return 'is not a file';
    accessSync(path, constants.X_OK);
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? 'is not there' : 'is not executable';
  }
  const [place] = loosePlaces(path);
  return place === undefined ? undefined : `can be changed by others: ${place.path} ${place.how}`;
}
