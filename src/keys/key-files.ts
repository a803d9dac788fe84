/**
 * The two files in which sshd looks for keys by default (sshd_config(5), AuthorizedKeysFile), on
 * disk. pysync writes only the first (install.ts).
 */
import { join } from 'node:path';
import { readIfThere } from '../system/snapshot.js';

export type FileName = 'authorized_keys' | 'authorized_keys2';

export interface AuthorizedKeysFile {
  readonly path: string;
  /** Empty where there is no such file. */
  readonly content: Buffer;
}

/** Both files of the account whose home is `home`, in the order in which sshd reads them. */
export async function readAuthorizedKeys(
  home: string,
): Promise<readonly [AuthorizedKeysFile, AuthorizedKeysFile]> {
  const read = async (name: FileName): Promise<AuthorizedKeysFile> => {
    const path = join(home, '.ssh', name);
    return { path, content: (await readIfThere(path)) ?? Buffer.alloc(0) };
  };
  return Promise.all([read('authorized_keys'), read('authorized_keys2')]);
}
