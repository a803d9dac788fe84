/**
 * The text of an `authorized_keys` file: finding keys in it, and changing our lines.
 *
 * Everybody who edits this file keeps to this: a line that is not ours stays as it is, byte for byte,
 * wherever it is and whatever it holds; so content is a Buffer, cut at newlines and never decoded as a
 * whole. The one thing that may be added is the newline that a last line lacks.
 */
import { formatKeyLine, type KeyLine, type PublicKey } from './key-line.js';
import { readAuthorizedLine, type AuthorizedLine } from './read-line.js';

export { formatKeyLine, type KeyLine } from './key-line.js';

export interface OurKey extends KeyLine {
  readonly lineNumber: number;
}

/** A line that holds a key and does not run our launcher. */
export interface ForeignKey extends PublicKey {
  readonly lineNumber: number;
  /** Whether it has a forced command, which is not ours. */
  readonly restrictedByOther: boolean;
}

/** A line that runs our launcher but is not as we write it: edited by hand, or damaged. */
export interface BrokenLine {
  readonly lineNumber: number;
  /** To be read after "line 3: "; it holds nothing of the line. */
  readonly reason: string;
  /** The key in base64, where the line holds one. */
  readonly blob: string | undefined;
}

export interface AuthorizedKeys {
  readonly ours: readonly OurKey[];
  readonly foreign: readonly ForeignKey[];
  readonly broken: readonly BrokenLine[];
}

/** Every key in the file, in the order in which sshd tries them. */
export function parseAuthorizedKeys(content: Buffer): AuthorizedKeys {
  const ours: OurKey[] = [];
  const foreign: ForeignKey[] = [];
  const broken: BrokenLine[] = [];
  for (const { lineNumber, reading } of readLines(content)) {
    switch (reading.kind) {
      case 'none':
        break;
      case 'ours':
        ours.push({ ...reading.line, lineNumber });
        break;
      case 'broken':
        broken.push({ lineNumber, reason: reading.reason, blob: reading.key?.blob });
        break;
      case 'foreign': {
        const { key, restrictedByOther } = reading;
        foreign.push({ type: key.type, blob: key.blob, lineNumber, restrictedByOther });
      }
    }
  }
  return { ours, foreign, broken };
}

/**
 * The first line that lets this key in without our launcher. Where there is one, a line of ours must
 * not be added: sshd tries the next line of a key whose `from` or `expiry-time` does not fit, so
 * either our restriction or the owner's own access would depend on the order of lines.
 */
export function findForeign(content: Buffer, blob: string): ForeignKey | undefined {
  return parseAuthorizedKeys(content).foreign.find((key) => isSameKey(key.blob, blob));
}

export type UpsertOutcome = 'added' | 'updated' | 'unchanged';

/**
 * Makes `line` the one line of ours for its key. It replaces the first one, damaged or not, and the
 * others go; where there is none, it becomes the last line. A line that differs only in the time of
 * the import is left as it is.
 */
export function upsertKey(
  content: Buffer,
  line: KeyLine,
): { readonly content: Buffer; readonly outcome: UpsertOutcome } {
  const text = formatKeyLine(line);
  const lines = readLines(content);
  const [first, ...others] = lines.filter(({ reading }) => isOursFor(reading, line.blob));
  if (first === undefined) {
    const newline = lines[0]?.bytes.subarray(-2).toString() === '\r\n' ? '\r\n' : '\n';
    const missing = content.length > 0 && content.at(-1) !== 0x0a ? newline : '';
    return { content: join([content, Buffer.from(missing + text + newline)]), outcome: 'added' };
  }
  const isCurrent = first.reading.kind === 'ours' && saysTheSame(first.reading.line, line);
  if (isCurrent && others.length === 0) return { content, outcome: 'unchanged' };
  const [newline = '\n'] = /\r?\n$/.exec(first.bytes.toString('latin1')) ?? [];
  const kept = lines.map((each) => {
    if (each === first) return isCurrent ? each.bytes : Buffer.from(text + newline);
    return others.includes(each) ? Buffer.alloc(0) : each.bytes;
  });
  return { content: join(kept), outcome: 'updated' };
}

/** Removes the lines of ours that `isMeant`, and the damaged ones that `isMeantBroken`. */
export function removeKeys(
  content: Buffer,
  isMeant: (key: OurKey) => boolean,
  isMeantBroken: (line: BrokenLine) => boolean = () => false,
): { readonly content: Buffer; readonly removed: readonly OurKey[] } {
  const { ours, broken } = parseAuthorizedKeys(content);
  const removed = ours.filter(isMeant);
  const numbers = new Set(
    [...removed, ...broken.filter(isMeantBroken)].map((each) => each.lineNumber),
  );
  const kept = readLines(content).filter(({ lineNumber }) => !numbers.has(lineNumber));
  return { content: join(kept.map(({ bytes }) => bytes)), removed };
}

/** Adds the lines whose key no line has yet, ours or not; answers which these are. */
export function addKeys(
  content: Buffer,
  lines: readonly KeyLine[],
): { readonly content: Buffer; readonly added: readonly KeyLine[] } {
  const added: KeyLine[] = [];
  for (const line of lines) {
    const { ours, foreign, broken } = parseAuthorizedKeys(content);
    const all = [...ours, ...foreign, ...broken];
    if (all.some(({ blob }) => isSameKey(blob ?? '', line.blob))) continue;
    content = upsertKey(content, line).content;
    added.push(line);
  }
  return { content, added };
}

interface Line {
  /** Counted from 1. */
  readonly lineNumber: number;
  /** With its newline, if it has one. */
  readonly bytes: Buffer;
  readonly reading: AuthorizedLine;
}

function readLines(content: Buffer): Line[] {
  const lines: Line[] = [];
  for (let start = 0; start < content.length;) {
    const newline = content.indexOf(0x0a, start);
    const end = newline === -1 ? content.length : newline + 1;
    const bytes = content.subarray(start, end);
    lines.push({ lineNumber: lines.length + 1, bytes, reading: readAuthorizedLine(bytes) });
    start = end;
  }
  return lines;
}

function isOursFor(reading: AuthorizedLine, blob: string): boolean {
  if (reading.kind === 'ours') return isSameKey(reading.line.blob, blob);
  return reading.kind === 'broken' && isSameKey(reading.key?.blob ?? '', blob);
}

function saysTheSame(old: KeyLine, now: KeyLine): boolean {
  const { imported } = old.policy;
  return formatKeyLine(old) === formatKeyLine({ ...now, policy: { ...now.policy, imported } });
}

/** Whether two keys in base64 are the same, however they are padded. */
export function isSameKey(a: string, b: string): boolean {
  return Buffer.from(a, 'base64').equals(Buffer.from(b, 'base64'));
}

function join(pieces: readonly Buffer[]): Buffer {
  return Buffer.concat(pieces);
}
