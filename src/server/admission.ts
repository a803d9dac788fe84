/** Whom `pysync serve` lets in: the keys of our own lines in authorized_keys, as they are now. */
import { homedir } from 'node:os';
import { parseAuthorizedKeys } from '../keys/authorized-keys.js';
import type { OurKey } from '../keys/authorized-keys.js';
import { isLetInFrom } from '../keys/from.js';
import { isExpired } from '../keys/imported.js';
import { readAuthorizedKeys } from '../keys/key-files.js';

export type Admission =
  | { readonly kind: 'in'; readonly line: OurKey }
  /** `why` completes the key: `has expired`. */
  | { readonly kind: 'no'; readonly why: string }
  /** No line of the owner's has this key. */
  | { readonly kind: 'unknown' };

/**
 * What the file says of this key for a client at `address`. A key that has a line of somebody else's,
 * such as the owner's own, is not ours to let in, and no stranger's.
 */
export async function admissionOf(blob: string, address: string): Promise<Admission> {
  // The file that a session asks again, and not the second one that sshd reads too.
  const [{ content }] = await readAuthorizedKeys(homedir());
  const { ours, foreign, broken } = parseAuthorizedKeys(content);
  const lines = ours.filter((line) => line.blob === blob);
  const valid = lines.find(
    (line) => !isExpired(line, new Date()) && isLetInFrom(line.from, address),
  );
  if (valid !== undefined) return { kind: 'in', line: valid };
  const [line] = lines;
  if (line !== undefined) {
    const why = isExpired(line, new Date()) ? 'has expired' : 'is not let in from there';
    return { kind: 'no', why };
  }
  const isElsewhere = [...foreign, ...broken].some((other) => other.blob === blob);
  return isElsewhere ? { kind: 'no', why: 'is not one of pysync’s keys' } : { kind: 'unknown' };
}
