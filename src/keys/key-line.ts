/**
 * The line of `authorized_keys` that lets one peer's key run the launcher and nothing else.
 *
 * It is read twice before anything runs: by sshd, which knows one escape inside double quotes,
 * `\"`, and ends options at the first blank outside them (sshd(8), AUTHORIZED_KEYS FILE FORMAT;
 * OpenSSH's auth-options.c, opt_dequote), and then by the account's login shell, whichever that is.
 * read-line.ts reads it back.
 */
import { createHash } from 'node:crypto';
import { PysyncError } from '../errors.js';
import { formatPolicy, parsePolicy, type Policy } from '../gate/policy.js';
import { quoteAll } from '../gate/quote.js';

export interface PublicKey {
  /** As the key itself names it inside: `ssh-ed25519`. */
  readonly type: string;
  /** The key in base64. */
  readonly blob: string;
}

/** What one of our lines says. */
export interface KeyLine extends PublicKey {
  readonly policy: Policy;
  /** Absolute path of the launcher; it ends in `/pysync/launcher`. */
  readonly launcher: string;
  /** Addresses, networks (CIDR) or sshd patterns the peer may come from; empty: from anywhere. */
  readonly from: readonly string[];
  /** From when on sshd refuses the key; whole seconds. */
  readonly expires: Date | undefined;
  readonly comment: string;
}

/** sshd before 8.0 skips lines longer than its buffer; the smallest of those had this size. */
const maxLineBytes = 8191;

/**
 * The line, without a newline.
 *
 * Throws PysyncError `KEY_LINE_UNSAFE` if a field holds what sshd or a login shell could read as
 * something else, and `KEY_LINE_TOO_LONG` past what old versions of sshd read.
 */
export function formatKeyLine(line: KeyLine): string {
  const words = [line.launcher, ...formatPolicy(line.policy)];
  const comment = line.comment.trim();
  // SECURITY: a control character ends a line or a word, and a backslash means one thing to sshd,
  // another to sh, a third to fish. test/unit/keys/key-line.test.ts holds these.
  need(words.every(isSafeWord), 'its forced command');
  need(isLauncher(line.launcher), 'the path of its launcher');
  need(line.from.every(isFrom), 'its list of addresses');
  need(!/\p{Cc}/u.test(comment), 'its comment');
  need(isWellFormedKey(line), 'its key');
  need(line.policy.key === fingerprintOf(line.blob), 'its fingerprint');
  need(canBeRead(words.slice(1)), 'its policy');
  const options = [
    'restrict',
    ...(line.from.length > 0 ? [`from="${line.from.join()}"`] : []),
    ...(line.expires === undefined ? [] : [`expiry-time="${formatExpiry(line.expires)}"`]),
    `command="${quoteAll(words).replaceAll('"', '\\"')}"`,
  ];
  const text = `${options.join()} ${line.type} ${line.blob} ${comment}`.trimEnd();
  const bytes = Buffer.from(text);
  // Half a surrogate pair has no encoding and would come back as another character.
  need(bytes.toString() === text, 'its text');
  if (bytes.length > maxLineBytes) {
    throw new PysyncError('KEY_LINE_TOO_LONG', 'the line for this key is too long for sshd', {
      hints: ['shorten --from, or the path of the share directory'],
    });
  }
  return text;
}

function need(isGood: boolean, what: string): void {
  if (isGood) return;
  throw new PysyncError(
    'KEY_LINE_UNSAFE',
    `the key cannot be written to authorized_keys: ${what} holds characters that are not allowed there`,
  );
}

function isSafeWord(word: string): boolean {
  return !/[\p{Cc}\\\ufffd]/u.test(word);
}

function canBeRead(words: readonly string[]): boolean {
  try {
    parsePolicy(words);
    return true;
  } catch {
    return false;
  }
}

/**
 * Any launcher's path, so that the line of an earlier installation is recognised as ours too. It was
 * called `gate` before 0.1.0 was released.
 */
export function isLauncher(path: string): boolean {
  return /^\/(?:.*\/)?pysync\/(?:launcher|gate)$/s.test(path);
}

/** Whether `pattern` can be in a `from="…"` list; sshd judges whether it makes sense. */
export function isFrom(pattern: string): boolean {
  return /^!?[A-Za-z0-9.:*?/_%-]+$/.test(pattern);
}

/** Whether the base64 is the canonical one, and names the same type inside (RFC 4253, 6.6). */
export function isWellFormedKey(key: PublicKey): boolean {
  // SECURITY: Buffer.from skips what is not base64, even line breaks; only text that comes out the
  // same again is taken. Held by test/unit/keys/key-candidate.test.ts.
  const isCanonical = Buffer.from(key.blob, 'base64').toString('base64') === key.blob;
  return isCanonical && typeInside(key.blob) === key.type;
}

/** The type that a key in base64 names inside; undefined where it is not a key. */
export function typeInside(blob: string): string | undefined {
  const bytes = Buffer.from(blob, 'base64');
  const length = bytes.length < 4 ? 0 : bytes.readUInt32BE();
  if (length === 0 || length > 64 || bytes.length < 4 + length) return undefined;
  const type = bytes.toString('latin1', 4, 4 + length);
  return /^[a-z0-9@.-]+$/.test(type) ? type : undefined;
}

/** The fingerprint of a key in base64, `SHA256:…`, as `ssh-keygen -l` prints it. */
export function fingerprintOf(blob: string): string {
  const hash = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64');
  return `SHA256:${hash.replace(/=+$/, '')}`;
}

/**
 * In local time, the one form that every sshd since 7.7 reads. Of an hour that a change of the clocks
 * repeats, sshd may take either.
 */
function formatExpiry(date: Date): string {
  const year = date.getFullYear();
  need(year >= 1970 && year <= 9999, 'its time of expiry');
  const inDay = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const parts = [date.getMonth() + 1, date.getDate(), ...inDay];
  return `${year}${parts.map((part) => String(part).padStart(2, '0')).join('')}`;
}

/** Reads the three lengths that sshd knows; undefined for anything else. */
export function parseExpiry(text: string): Date | undefined {
  if (!/^(?:\d{8}|\d{12}|\d{14})$/.test(text)) return undefined;
  const part = (from: number, to: number): number => Number(text.slice(from, to));
  const [month, day] = [part(4, 6) - 1, part(6, 8)];
  const date = new Date(part(0, 4), month, day, part(8, 10), part(10, 12), part(12, 14));
  return date.getMonth() === month && date.getDate() === day ? date : undefined;
}
