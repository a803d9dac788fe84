/**
 * One line of somebody's key file, read the way sshd reads a line of `authorized_keys` (sshd(8),
 * AUTHORIZED_KEYS FILE FORMAT), but strictly: only its parts are returned, each checked, so that
 * nothing else of the line can ever reach our own `authorized_keys`.
 */
import { printable } from '../system/text.js';
import { isWellFormedKey } from './key-line.js';
import { splitOptions } from './read-line.js';

/** A key as it is written; ssh-keygen tells whether it is a good one. */
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

const noKey: Fault = { reason: 'this is not a public key', hints: noKeyHints };

const damaged: Fault = {
  reason: 'this key is damaged or cut short',
  hints: ['a public key is one line without breaks: copy it again, or import the .pub file itself'],
};

const authority: Fault = {
  reason: 'this line trusts a certificate authority, which means every key that it signs',
  hints: ['import the plain key of each person instead'],
};

/** Every option that sshd knows, in lower case (sshd(8) and OpenSSH's auth-options.c). */
const optionNames = new Set(
  `agent-forwarding cert-authority command environment expiry-time from no-agent-forwarding
  no-port-forwarding no-pty no-touch-required no-user-rc no-verify-required no-x11-forwarding
  permitlisten permitopen port-forwarding principals pty restrict touch-required tunnel user-rc
  verify-required x11-forwarding`.split(/\s+/),
);

/** Reads one line, given without its line break. */
export function readKeyLine(line: string): LineReading {
  if (line.includes('\0')) {
    return bad({ reason: 'this line holds a NUL byte, so it is not text', hints: noKeyHints });
  }
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return { kind: 'nothing' };
  const plain = readPlainKey(text, false);
  if (plain !== undefined) return plain;
  const { options, rest } = splitOptions(text);
  const names = options.map(({ name }) => name);
  const restricted = readPlainKey(rest, true);
  if (restricted === undefined) return bad(noKey);
  if (names.some((name) => /^@?cert-authority$/.test(name))) return bad(authority);
  if (names.some((name) => !optionNames.has(name))) {
    // A line of known_hosts looks just like this: it has the host's name in place of options, and its
    // key is that of a machine, with which no peer logs in.
    return bad({
      reason: 'the words before the key are not options that sshd knows',
      hints: ['if this is a known_hosts file, it holds the keys of machines, not of people'],
    });
  }
  return restricted;
}

/** What a key's type can look like; ssh-keygen knows which types there are. */
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
 * Makes a comment fit for `authorized_keys` and a terminal: one line, nothing invisible, at most 200
 * characters. What is invisible becomes an escape and is not dropped, so that two peers whose names
 * differ cannot be made to look the same.
 */
export function cleanComment(comment: string): string {
  const shown = printable(comment.replace(/\s+/gu, ' ').trim());
  return Array.from(shown).slice(0, longestComment).join('').trim();
}

function bad(fault: Fault): LineReading {
  return { kind: 'fault', fault };
}
