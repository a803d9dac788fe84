/** The host key of `pysync serve`: made once, and kept, since senders remember it. */
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PysyncError } from '../errors.js';
import { fingerprintOf } from '../keys/key-line.js';
import { fileFailure } from '../system/failures.js';
import { dataFolder } from '../system/folders.js';
import { run } from '../system/run.js';
import { printable } from '../system/text.js';

export interface ServeHostKey {
  /** In the format of ssh-keygen. */
  readonly text: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
}

export function hostKeyPath(): string {
  return join(dataFolder(), 'serve_host_ed25519_key');
}

/** Reads it, and makes it where there is none. Throws PysyncError `HOST_KEY_UNUSABLE`, `FILE_FAILED`. */
export async function hostKey(): Promise<ServeHostKey> {
  const path = hostKeyPath();
  if (!existsSync(path)) await makeHostKey(path);
  const fault = hostKeyFault();
  if (fault !== undefined) {
    throw new PysyncError('HOST_KEY_UNUSABLE', `the host key ${printable(path)} ${fault.what}`, {
      hints: fault.hints,
    });
  }
  try {
    return { text: readFileSync(path, 'utf8'), fingerprint: hostKeyFingerprint() ?? '' };
  } catch (error) {
    throw fileFailure(error, `read ${printable(path)}`);
  }
}

/** The fingerprint of the key that there is; undefined for none. */
function hostKeyFingerprint(): string | undefined {
  try {
    const [, blob] = readFileSync(`${hostKeyPath()}.pub`, 'utf8').split(' ');
    return blob === undefined ? undefined : fingerprintOf(blob.trim());
  } catch {
    return undefined;
  }
}

/** Why the key must not be used, as it completes its path, and what to do; undefined where it may. */
export function hostKeyFault(): { what: string; hints: readonly string[] } | undefined {
  const path = hostKeyPath();
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const makeNew = 'to make a new one, which senders will be asked about';
  if (!stats.isFile()) {
    const words = `mv ${printable(path)} ${printable(path)}.old`;
    return { what: 'is not a file', hints: [`${makeNew}: ${words}`] };
  }
  const again = `${makeNew}: rm ${printable(path)}`;
  if (stats.uid !== process.geteuid?.())
    return { what: 'belongs to somebody else', hints: [again] };
  if ((stats.mode & 0o077) !== 0) {
    const hints = [`if only you have read it: chmod 600 ${printable(path)}`, again];
    return { what: 'can be read by others', hints };
  }
  const text = readableText(path);
  if (text === undefined) {
    return { what: 'cannot be read', hints: [`to change that: chmod 600 ${printable(path)}`] };
  }
  const blob = blobIn(text);
  if (blob === undefined) return { what: 'is damaged, or has a passphrase', hints: [again] };
  const remake = `to make it: ssh-keygen -y -f ${printable(path)} >${printable(path)}.pub`;
  const beside = readableText(`${path}.pub`)?.split(' ')[1]?.trim();
  if (beside === undefined) return { what: 'has no readable .pub beside it', hints: [remake] };
  if (beside !== blob) return { what: 'has the .pub of another key beside it', hints: [remake] };
  return undefined;
}

/**
 * The public half in a key of ssh-keygen's own format (PROTOCOL.key of OpenSSH), in base64; undefined for
 * what the engine could not use.
 */
function blobIn(text: string): string | undefined {
  const [, base64] = /^-----BEGIN OPENSSH PRIVATE KEY-----\n([\w+/=\n]+)-----END/.exec(text) ?? [];
  const bytes = Buffer.from(base64 ?? '', 'base64');
  // How it is encrypted, not at all, and how many keys there are, one.
  const none = Buffer.from('\0\0\0\x04none');
  const head = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), none, none, Buffer.alloc(4)],
    Buffer.of(0, 0, 0, 1),
  ]);
  const start = head.length + 4;
  if (!bytes.subarray(0, head.length).equals(head) || bytes.length < start) return undefined;
  const end = start + bytes.readUInt32BE(head.length);
  return end < bytes.length ? bytes.toString('base64', start, end) : undefined;
}

function readableText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

async function makeHostKey(path: string): Promise<void> {
  const words = ['-q', '-t', 'ed25519', '-N', '', '-C', 'pysync serve', '-f', path];
  await run('ssh-keygen', words, { purpose: 'make a host key' });
}
