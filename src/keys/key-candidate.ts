/**
 * One line of somebody's key file, read the way sshd reads a line of `authorized_keys` (sshd(8),
 * AUTHORIZED_KEYS FILE FORMAT), but strictly: only its parts are returned, each checked, so that
 * nothing else of the line can ever reach our own `authorized_keys`.
 */
import { printable } from '../system/text.js';
import { isWellFormedKey } from './key-line.js';

/** A key as it is written; whether it is a good one is for ssh-keygen to say. */
export interface KeyCandidate {
  readonly type: string;
  readonly blob: string;
  readonly comment: string;
  readonly optionsDropped: boolean;
}

export interface Fault {
  readonly reason: string;
  readonly hints: readonly string[];
}

export type LineReading =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'key'; readonly key: KeyCandidate }
  | { readonly kind: 'fault'; readonly fault: Fault };

const longestComment = 200;

/** How the owner of a key that is too old or too weak gets a good one. */
export const newKeyHints: readonly string[] = [
  'ask for a new key, made with: ssh-keygen -t ed25519',
];

const noKeyHints = ["a public key is one long line such as 'ssh-ed25519 AAAA… name'"];

const noKey: Fault = { reason: 'this is no public key', hints: noKeyHints };

const damaged: Fault = {
  reason: 'this key is damaged or cut short',
  hints: ['a public key is one line without breaks: copy it again, or import the .pub file itself'],
};

const authority: Fault = {
  reason: 'this line trusts a certificate authority, which means every key that it signs',
  hints: ['import the plain key of each person instead'],
};

/** Every option that sshd knows, in small letters (sshd(8) and OpenSSH's auth-options.c). */
const optionNames = new Set(
  `agent-forwarding cert-authority command environment expiry-time from no-agent-forwarding
  no-port-forwarding no-pty no-touch-required no-user-rc no-verify-required no-x11-forwarding
  permitlisten permitopen port-forwarding principals pty restrict touch-required tunnel user-rc
  verify-required x11-forwarding`.split(/\s+/),
);

/** Reads one line, given without its line break. */
export function readKeyLine(line: string): LineReading {
  if (line.includes('\0')) {
    return bad({ reason: 'this line holds a NUL byte, so it is no text', hints: noKeyHints });
  }
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return { kind: 'nothing' };
  const plain = readPlainKey(text, false);
  if (plain !== undefined) return plain;
  const options = text.slice(0, endOfOptions(text));
  const names = optionNamesIn(options);
  const rest = readPlainKey(text.slice(options.length).trimStart(), true);
  if (rest === undefined) return bad(noKey);
  if (names.includes('cert-authority') || options === '@cert-authority') return bad(authority);
  if (names.some((name) => !optionNames.has(name))) {
    // A line of known_hosts looks just like this: the host's name stands where options stand, and
    // the key behind it is the key of a machine, which no peer logs in with.
    return bad({
      reason: 'the words before the key are not options that sshd knows',
      hints: ['if this is a known_hosts file, it holds the keys of machines, not of people'],
    });
  }
  return rest;
}

/** What a key's type can look like; which types there are is for ssh-keygen to say. */
const typePattern = /^[A-Za-z0-9][A-Za-z0-9@.-]{0,63}$/;

/** Reads `type base64 comment`, or answers undefined where `text` does not begin like that. */
function readPlainKey(text: string, optionsDropped: boolean): LineReading | undefined {
  const match = /^([^ \t]+)[ \t]+(AAAA[^ \t]*)(?:[ \t]+(.*))?$/s.exec(text);
  const type = match?.[1];
  const blob = match?.[2];
  if (type === undefined || blob === undefined || !typePattern.test(type)) return undefined;
  return readKeyParts({ type, blob, comment: cleanComment(match?.[3] ?? ''), optionsDropped });
}

/** What can be said about a key without asking ssh-keygen. */
export function readKeyParts(key: KeyCandidate): LineReading {
  if (!isWellFormedKey(key)) return bad(damaged);
  if (/-cert-v\d\d@/.test(key.type)) {
    return bad({
      reason: 'this is a certificate, not a plain key',
      hints: ['import the key it was made from: NAME.pub, not NAME-cert.pub'],
    });
  }
  if (key.type === 'ssh-dss') {
    return bad({
      reason: 'this is a DSA key, which OpenSSH no longer accepts',
      hints: newKeyHints,
    });
  }
  return { kind: 'key', key };
}

/**
 * A comment made fit for `authorized_keys` and for a terminal: one line, nothing invisible, at
 * most 200 characters. What is invisible is shown as an escape rather than dropped, so that two
 * peers whose names differ cannot be made to look the same.
 */
export function cleanComment(comment: string): string {
  const shown = printable(comment.replace(/\s+/gu, ' ').trim());
  return Array.from(shown).slice(0, longestComment).join('').trim();
}

/** Where the options end: at the first blank outside quotes, as sshd's own reader finds it. */
function endOfOptions(text: string): number {
  let quoted = false;
  let i = 0;
  for (; i < text.length; i += 1) {
    const character = text[i];
    if (!quoted && (character === ' ' || character === '\t')) break;
    if (character === '\\' && text[i + 1] === '"') i += 1;
    else if (character === '"') quoted = !quoted;
  }
  return Math.min(i, text.length);
}

/** The names of the options in a list such as `restrict,command="a, b"`, in small letters. */
function optionNamesIn(options: string): string[] {
  const withoutValues = options.replace(/="(?:\\"|[^"])*"/g, '');
  return withoutValues.split(',').map((name) => name.toLowerCase());
}

function bad(fault: Fault): LineReading {
  return { kind: 'fault', fault };
}
