/**
 * A whole text that should hold public keys, cut into lines and blocks. Pure: nothing is run, and
 * nothing is read but the bytes that are given.
 */
import { PysyncError } from '../errors.js';
import { readKeyLine, type Fault, type KeyCandidate, type LineReading } from './key-candidate.js';
import { readSsh2Block, ssh2KeyBegin, ssh2KeyEnd } from './rfc4716.js';

export interface TextReading {
  readonly candidates: { readonly key: KeyCandidate; readonly line: number }[];
  readonly faults: { readonly fault: Fault; readonly line: number }[];
  /** Whether there is a private key in the text. */
  readonly holdsPrivateKey: boolean;
}

const privateKey: Fault = {
  reason: 'this is a private key, which must stay with its owner',
  hints: ['import the public key, the file whose name ends in .pub'],
};

/**
 * The bytes of a key file as text. A byte order mark is dropped; what is not UTF-8 becomes U+FFFD,
 * which only a comment can hold.
 *
 * Throws PysyncError `KEY_TEXT_IS_UTF16`: PowerShell's `>` writes such files, and an editor shows
 * them as if nothing were wrong.
 */
export function decodeKeyText(content: Uint8Array, origin: string): string {
  const [first, second] = content;
  const marked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (marked || isUtf16WithoutMark(content)) {
    throw new PysyncError('KEY_TEXT_IS_UTF16', `${origin} is UTF-16 text, which sshd cannot read`, {
      hints: ['save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 FILE | pysync -i -'],
    });
  }
  return new TextDecoder('utf-8').decode(content);
}

/** Whether every other byte at the start of the text is NUL, as in ASCII stored as UTF-16. */
function isUtf16WithoutMark(content: Uint8Array): boolean {
  const start = content.subarray(0, Math.min(content.length - (content.length % 2), 64));
  if (start.length < 8) return false;
  const zeros = (odd: number): number =>
    start.filter((byte, i) => i % 2 === odd && byte === 0).length;
  const half = start.length / 2;
  return (zeros(0) === half && zeros(1) === 0) || (zeros(1) === half && zeros(0) === 0);
}

/** Reads every line and block of `text`. Lines are counted from 1; a block by its first line. */
export function readText(text: string): TextReading {
  const lines = text.split(/\r?\n/);
  const reading: TextReading & { holdsPrivateKey: boolean } = {
    candidates: [],
    faults: [],
    holdsPrivateKey: false,
  };
  for (let i = 0; i < lines.length;) {
    const block = readBlock(lines, i);
    const { result, next } = block ?? { result: readKeyLine(lines[i] ?? ''), next: i + 1 };
    if (result.kind === 'key') reading.candidates.push({ key: result.key, line: i + 1 });
    if (result.kind === 'fault') {
      reading.faults.push({ fault: result.fault, line: i + 1 });
      reading.holdsPrivateKey ||= result.fault === privateKey;
    }
    i = next;
  }
  return reading;
}

/** Reads the block that begins at line `start`, or answers undefined where none does. */
function readBlock(
  lines: readonly string[],
  start: number,
): { result: LineReading; next: number } | undefined {
  const line = (lines[start] ?? '').trim();
  if (ssh2KeyBegin.test(line)) {
    const isEdge = (text: string): boolean => ssh2KeyEnd.test(text) || ssh2KeyBegin.test(text);
    const edge = lines.findIndex((other, i) => i > start && isEdge(other.trim()));
    const end = edge === -1 ? lines.length : edge;
    const result = readSsh2Block(lines.slice(start + 1, end));
    return { result, next: ssh2KeyEnd.test((lines[end] ?? '').trim()) ? end + 1 : end };
  }
  const fault = faultOfBlock(line);
  if (fault === undefined) return undefined;
  const hasEnd = /-{4,5} ?END |^Private-MAC:/;
  const end = lines.findIndex((other, i) => i >= start && hasEnd.test(other.trim()));
  return { result: { kind: 'fault', fault }, next: end === -1 ? lines.length : end + 1 };
}

/** Why a block that begins with `line` is not taken; the whole block is skipped as one fault. */
function faultOfBlock(line: string): Fault | undefined {
  if (/^PuTTY-User-Key-File-\d/.test(line) || line.startsWith('SSH PRIVATE KEY FILE FORMAT')) {
    return privateKey;
  }
  const label = /^-{4,5} ?BEGIN ([A-Za-z0-9 ]+?) ?-{4,5}/.exec(line)?.[1];
  if (label === undefined) return undefined;
  if (label.includes('PRIVATE KEY')) return privateKey;
  if (label === 'PUBLIC KEY' || label === 'RSA PUBLIC KEY') {
    const format = label === 'PUBLIC KEY' ? 'PKCS8' : 'PEM';
    return {
      reason: 'this is a public key in PEM format, which sshd cannot read',
      hints: [`convert it: ssh-keygen -i -m ${format} -f FILE`],
    };
  }
  return { reason: 'this block is not an SSH key', hints: [] };
}
