/**
 * The trust boundary: text from anywhere goes in; public keys that the installed OpenSSH accepts come
 * out, and for each other line the reason why it was not taken.
 */
import { createPublicKey } from 'node:crypto';
import { PysyncError } from '../errors.js';
import { quote } from '../gate/quote.js';
import { run } from '../system/run.js';
import { newKeyHints, type KeyCandidate } from './key-candidate.js';
import { fingerprintOf } from './key-line.js';
import { decodeKeyText, readText } from './key-text.js';

export interface PublicKey {
  /** As in `authorized_keys`: `ssh-ed25519`, `sk-ssh-ed25519@openssh.com`, … */
  readonly type: string;
  /** Canonical base64. */
  readonly blob: string;
  /** `SHA256:` and 43 characters, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  readonly bits: number;
  /** One line of at most 200 visible characters; may be empty. */
  readonly comment: string;
}

interface FoundKey {
  readonly key: PublicKey;
  /** Counted from 1. */
  readonly line: number;
  /** Options were in front of the key; they were dropped. */
  readonly optionsDropped: boolean;
}

export interface RejectedLine {
  readonly line: number;
  readonly reason: string;
  readonly hints: readonly string[];
}

/** A key that is in the text twice is found twice. */
export interface KeyText {
  readonly found: FoundKey[];
  readonly rejected: RejectedLine[];
}

export interface ReadKeyTextOptions {
  /** What messages call the text: `'bob.pub'`, `standard input`. */
  readonly origin: string;
  /** The path of a public key beside the file, named where the text is a private key. */
  readonly publicKeyBeside?: string | undefined;
}

const fewestRsaBits = 2048;

/**
 * Finds every key in `content`. Single bad lines come back in `rejected`; a text that cannot hold
 * a key as a whole is thrown: PysyncError `KEY_TEXT_EMPTY`, `KEY_TEXT_IS_UTF16`, `KEY_IS_PRIVATE`
 * (a private key and no public one), `KEY_NOT_FOUND` (nothing but blank lines and comments).
 */
export async function readKeyText(
  content: Uint8Array,
  options: ReadKeyTextOptions,
): Promise<KeyText> {
  const { origin, publicKeyBeside } = options;
  if (content.length === 0) throw new PysyncError('KEY_TEXT_EMPTY', `${origin} is empty`);
  const { candidates, faults, holdsPrivateKey } = readText(decodeKeyText(content, origin));
  if (candidates.length === 0 && holdsPrivateKey) throw keyIsPrivate(origin, publicKeyBeside);
  if (candidates.length === 0 && faults.length === 0) {
    throw new PysyncError('KEY_NOT_FOUND', `${origin} holds no key`);
  }
  const rejected: RejectedLine[] = faults.map(({ fault, line }) => ({ line, ...fault }));
  const found: FoundKey[] = [];
  const verdicts = await askSshKeygen(candidates.map(({ key }) => key));
  for (const [index, { key, line }] of candidates.entries()) {
    const { type, blob, comment, optionsDropped } = key;
    const verdict = verdicts.get(index);
    const bits = verdict?.bits ?? (await rsaBits(key));
    if (type === 'ssh-rsa' && bits !== undefined && bits < fewestRsaBits) {
      const reason = `this RSA key has ${bits} bits, and ${fewestRsaBits} is the least that is safe`;
      rejected.push({ line, reason, hints: newKeyHints });
    } else if (verdict === undefined) {
      const reason = `OpenSSH does not accept this ${type} key as it is`;
      rejected.push({
        line,
        reason,
        hints: ['check it with its owner: ssh-keygen -l -f NAME.pub'],
      });
    } else {
      const good = { type, blob, fingerprint: verdict.fingerprint, bits: verdict.bits, comment };
      found.push({ key: good, line, optionsDropped });
    }
  }
  rejected.sort((a, b) => a.line - b.line);
  return { found, rejected };
}

function keyIsPrivate(origin: string, publicKeyBeside: string | undefined): PysyncError {
  const hints =
    publicKeyBeside === undefined
      ? ['ask for the public key, the file whose name ends in .pub']
      : [`import the public key beside it: pysync -i ${quote(publicKeyBeside)}`];
  return new PysyncError('KEY_IS_PRIVATE', `${origin} is a private key`, { hints });
}

/**
 * Has the installed OpenSSH read all keys in one run; a key it does not accept is missing from the
 * answer. `ssh-keygen -l` skips bad lines without a word, so each line's comment is its number.
 */
async function askSshKeygen(
  keys: readonly KeyCandidate[],
): Promise<Map<number, { bits: number; fingerprint: string }>> {
  const verdicts = new Map<number, { bits: number; fingerprint: string }>();
  if (keys.length === 0) return verdicts;
  const { stdout } = await run('ssh-keygen', ['-l', '-E', 'sha256', '-f', '-'], {
    input: keys.map(({ type, blob }, index) => `${type} ${blob} ${index}\n`).join(''),
    // 255 means that it found no key at all.
    expectExit: [0, 255],
    purpose: 'check the keys',
  });
  for (const line of stdout.split('\n')) {
    const match = /^(\d+) (SHA256:[A-Za-z0-9+/]{43}) (\d+) \([A-Z0-9-]+\)$/.exec(line);
    const fingerprint = match?.[2];
    const index = Number(match?.[3]);
    const key = keys[index];
    // SECURITY: ssh-keygen prints the fingerprint of the key as it would write it. Where that
    // differs from ours, the blob holds more than the key or spells it in a second way, and could
    // pass for another key than the one it logs in. Held by test/integration/keys/public-key.test.ts.
    if (fingerprint === undefined || key === undefined || fingerprint !== fingerprintOf(key.blob)) {
      continue;
    }
    verdicts.set(index, { bits: Number(match?.[1]), fingerprint });
  }
  return verdicts;
}

/**
 * The length of an RSA key that ssh-keygen would not read: it refuses fewer than 1024 bits without
 * saying why. Only such a key has ssh2 loaded.
 */
async function rsaBits({ type, blob }: KeyCandidate): Promise<number | undefined> {
  if (type !== 'ssh-rsa') return undefined;
  const { default: ssh2 } = await import('ssh2');
  try {
    const key = ssh2.utils.parseKey(`${type} ${blob}`);
    if (key instanceof Error) return undefined;
    return createPublicKey(key.getPublicPEM()).asymmetricKeyDetails?.modulusLength;
  } catch {
    // OpenSSL cannot read it either, so it has no length to tell.
    return undefined;
  }
}
