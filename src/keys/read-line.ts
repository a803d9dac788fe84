/**
 * One line of `authorized_keys`, read as sshd reads it (auth2-pubkeyfile.c, auth-options.c), and
 * told apart: ours, ours but damaged, somebody else's key, or no key at all.
 */
import { parsePolicy } from '../gate/policy.js';
import { fingerprintOf, isFrom, isLauncher, isWellFormedKey } from './key-line.js';
import { parseExpiry, typeInside, type KeyLine, type PublicKey } from './key-line.js';

export type AuthorizedLine =
  | { readonly kind: 'none' }
  | { readonly kind: 'ours'; readonly line: KeyLine }
  /** It names our launcher but is not as we write it; `key` where it holds one. */
  | { readonly kind: 'broken'; readonly reason: string; readonly key: PublicKey | undefined }
  | { readonly kind: 'foreign'; readonly key: PublicKey; readonly restrictedByOther: boolean };

type KeyAndComment = PublicKey & { readonly comment: string };

interface Option {
  /** In lower case: sshd ignores case here. */
  readonly name: string;
  readonly value: string | undefined;
}

/** Reads one line, with or without its newline. */
export function readAuthorizedLine(bytes: Buffer): AuthorizedLine {
  // For sshd, written in C, a line also ends at a NUL.
  const [beforeNul = ''] = bytes.toString().split('\0', 1);
  const text = beforeNul.replace(/^[ \t]+/, '').replace(/\r?\n$/, '');
  if (text === '' || text.startsWith('#')) return { kind: 'none' };
  const bare = readKey(text);
  if (bare !== undefined) return { kind: 'foreign', key: bare, restrictedByOther: false };
  const { options, rest, isClosed } = splitOptions(text);
  const command = options.find((option) => option.name === 'command')?.value;
  const key = readKey(rest);
  if (command !== undefined && namesLauncher(command)) return readOurs(options, command, key);
  if (!isClosed && namesLauncher(text.replace(/^.*?command="/i, ''))) {
    return { kind: 'broken', reason: 'it has an unclosed quote', key };
  }
  if (key === undefined) return { kind: 'none' };
  return { kind: 'foreign', key, restrictedByOther: command !== undefined };
}

function readOurs(
  options: readonly Option[],
  command: string,
  key: KeyAndComment | undefined,
): AuthorizedLine {
  try {
    if (key === undefined || !isWellFormedKey(key)) throw new Error('its key cannot be read');
    return { kind: 'ours', line: parseOurs(options, command, key) };
  } catch (error) {
    return { kind: 'broken', reason: error instanceof Error ? error.message : 'unknown', key };
  }
}

function parseOurs(options: readonly Option[], command: string, key: KeyAndComment): KeyLine {
  const values = new Map(options.map((option) => [option.name, option.value]));
  if (options[0]?.name !== 'restrict') throw new Error('it does not start with restrict');
  for (const name of values.keys()) {
    // SECURITY: an option behind `restrict` can revoke a part of it, as `pty` does.
    const isKnown = ['restrict', 'from', 'expiry-time', 'command'].includes(name);
    if (!isKnown) throw new Error('it has an option that pysync does not write');
  }
  if (values.size !== options.length) throw new Error('it has an option twice');
  const from = values.has('from') ? (values.get('from') ?? '').split(',') : [];
  if (!from.every(isFrom)) throw new Error('its from= cannot be read');
  const expires = parseExpiry(values.get('expiry-time') ?? '');
  if (values.has('expiry-time') && expires === undefined) {
    throw new Error('its expiry-time= cannot be read');
  }
  const [launcher = '', ...words] = splitCommand(command);
  if (!isLauncher(launcher)) throw new Error('its command= does not start with a launcher');
  const policy = parsePolicy(words);
  if (policy.key !== fingerprintOf(key.blob)) throw new Error('its --key is not its key');
  return { policy, launcher, from, expires, ...key };
}

/** Whether the first word of a forced command, or of what is left of one, is our launcher. */
function namesLauncher(command: string): boolean {
  const [word = ''] = /^(?:'[^']*'?|\\.|[^\s'\\])+/.exec(command) ?? [];
  return isLauncher(word.replace(/['"\\]/g, ''));
}

/** The words of a command as `quoteAll` writes it; throws where a shell would act on anything more. */
function splitCommand(command: string): string[] {
  const words: string[] = [];
  const word = /((?:'[^']*'|\\'|[A-Za-z0-9_@%+=:,./-])+)(?: |$)/y;
  while (word.lastIndex < command.length) {
    const quoted = word.exec(command)?.[1];
    if (quoted === undefined) throw new Error('its command= cannot be read');
    words.push(quoted.replace(/'([^']*)'|\\(')/g, '$1$2'));
  }
  return words;
}

/** The options that a line starts with, up to the first blank outside quotes, and what follows. */
export function splitOptions(text: string): { options: Option[]; rest: string; isClosed: boolean } {
  const options: Option[] = [];
  let isQuoted = false;
  let start = 0;
  let at = 0;
  for (; at < text.length && (isQuoted || !/[ \t]/.test(text.charAt(at))); at += 1) {
    if (text.startsWith('\\"', at)) {
      at += 1;
    } else if (text[at] === '"') {
      isQuoted = !isQuoted;
    } else if (text[at] === ',' && !isQuoted) {
      options.push(readOption(text.slice(start, at)));
      start = at + 1;
    }
  }
  options.push(readOption(text.slice(start, at)));
  return { options, rest: text.slice(at).replace(/^[ \t]+/, ''), isClosed: !isQuoted };
}

function readOption(text: string): Option {
  const [, name = text, value] = /^([^="]*)="((?:\\"|[^"\\]|\\(?!"))*)"$/s.exec(text) ?? [];
  return { name: name.toLowerCase(), value: value?.replaceAll('\\"', '"') };
}

/**
 * The key at the start of `text`. It is recognised by its base64 and not by the word before it, since
 * each version of sshd knows more names of types.
 */
function readKey(text: string): KeyAndComment | undefined {
  const [, blob = '', comment = ''] =
    /^[A-Za-z0-9@.-]+[ \t]+([A-Za-z0-9+/]+=*)(?![^\s])(.*)$/s.exec(text) ?? [];
  const type = typeInside(blob);
  return type === undefined ? undefined : { type, blob, comment: comment.trim() };
}
