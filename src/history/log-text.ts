/**
 * Reads the log of a connection, whole or as it grows. src/log/log.ts has its form. Nothing in it
 * makes this throw: a client can write lines of its own into it.
 */
import type { Header } from '../log/log.js';
import { endingOf } from './transfer.js';
import type { Ending, LeftPart, SentFile, Transfer } from './transfer.js';

export interface LogReader {
  /** Takes more of the log, and returns the files that it names. */
  readonly read: (chunk: Uint8Array) => readonly SentFile[];
  /** All that is known so far; undefined before the first line, or where that is not a header. */
  readonly transfer: () => Transfer | undefined;
}

/** At most `keep` files are kept by name; all are counted. */
export function readLog(id: string, keep: number): LogReader {
  const files: SentFile[] = [];
  const parts: LeftPart[] = [];
  const sums = { fileCount: 0, bytes: 0, transferred: 0 };
  let header: Header | undefined;
  let prefix = '';
  let isFirst = true;
  let rest = '';
  let complete = true;
  let sawFull = false;
  let ending: Ending = { kind: 'running' };
  let hookStatus: number | undefined;

  const count = (file: SentFile, sign: 1 | -1): void => {
    sums.fileCount += sign;
    sums.bytes += sign * file.bytes;
    sums.transferred += sign * file.transferred;
    if (sign === -1) files.length = Math.min(files.length, sums.fileCount);
    else if (files.length < keep) files.push(file);
  };

  /** A line that the launcher or the gate wrote; rsync's own all begin with a date. */
  const readNote = (line: string): void => {
    const [, word = '', value = ''] = /^pysync-([a-z]+)(?: (.*))?$/.exec(line) ?? [];
    if (word === 'hook') hookStatus = Number(value);
    if (word === 'part') parts.push(...readPart(value, header?.token ?? ''));
    if (ending.kind !== 'running') return;
    if (word === 'refused') ending = { kind: 'refused', reason: readReason(value) };
    if (word === 'lost') ending = { kind: 'gone' };
    if (word === 'revoked') ending = { kind: 'revoked' };
    if (word === 'end') ending = endingOf(Number(value), sawFull);
  };

  const readLines = (lines: readonly string[]): SentFile[] => {
    const found: SentFile[] = [];
    let last: SentFile | undefined;
    for (const line of lines) {
      if (isFirst) {
        isFirst = false;
        header = readHeaderLine(line);
        prefix = header === undefined ? '' : folderOf(header.place);
        continue;
      }
      const file = header === undefined ? undefined : readFileLine(line, header.token, prefix);
      if (file !== undefined) {
        found.push(file);
        count(file, 1);
      } else if (line === 'pysync-cut') {
        complete = false;
        // The line before it ends where the room ended, perhaps in the middle of a name.
        if (last !== undefined) {
          found.pop();
          count(last, -1);
        }
      } else if (line.startsWith('pysync-')) {
        readNote(line);
      } else if (line.includes('No space left on device (28)')) {
        sawFull = true;
      }
      last = file;
    }
    return found;
  };

  return {
    read: (chunk) => {
      const lines = (rest + Buffer.from(chunk).toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      return readLines(lines);
    },
    transfer: () =>
      header === undefined
        ? undefined
        : {
            id,
            header,
            files: [...files],
            parts: [...parts],
            ...sums,
            complete,
            ending,
            hookStatus,
          },
  };
}

/** `DATE [PID] TOKEN recv LENGTH OVER-THE-WIRE NAME`; a line without the token is a client's. */
function readFileLine(line: string, token: string, prefix: string): SentFile | undefined {
  const at = line.indexOf('] ');
  const text = line.slice(at + 2);
  if (at === -1 || token === '' || !text.startsWith(`${token} `)) return undefined;
  const [, bytes = '', transferred = '', name = ''] =
    /^(?:send|recv) (\d{1,20}) (\d{1,20}) (.*)$/s.exec(text.slice(token.length + 1)) ?? [];
  if (name === '') return undefined;
  return { raw: prefix + unescape(name), bytes: Number(bytes), transferred: Number(transferred) };
}

/** What comes before the names of the files that were pushed there; empty for the share's top. */
function folderOf(place: string): string {
  const parts = place.split('/').filter((part) => part !== '' && part !== '.');
  return Buffer.from(parts.map((part) => `${part}/`).join('')).toString('latin1');
}

/** rsync writes control characters, and a backslash that would look like one of these, as `\#ooo`. */
function unescape(name: string): string {
  return name.replaceAll(/\\#(\d{3})/g, (whole, digits: string) => {
    const code = Number.parseInt(digits, 8);
    return code < 256 && !digits.includes('8') && !digits.includes('9')
      ? String.fromCharCode(code)
      : whole;
  });
}

/** `TOKEN BYTES NAME`, the name in JSON; without the token it is a client's. */
function readPart(text: string, token: string): LeftPart[] {
  const [, own, bytes, json = ''] = /^(\S+) (\d{1,20}) (".*")$/.exec(text) ?? [];
  const name = parseJson(json);
  if (own !== token || token === '' || typeof name !== 'string') return [];
  return [{ name, bytes: Number(bytes) }];
}

function readReason(json: string): string {
  const value = parseJson(json);
  return typeof value === 'string' ? value : 'for a reason that cannot be read';
}

const fields = [
  ...['time', 'peer', 'key', 'share', 'address', 'direction'],
  ...['command', 'token'],
];

function readHeaderLine(line: string): Header | undefined {
  const value = parseJson(line);
  if (typeof value !== 'object' || value === null) return undefined;
  const header = value as Readonly<Record<string, unknown>>;
  const isHeader =
    header['version'] === 1 &&
    typeof header['pid'] === 'number' &&
    fields.every((name) => typeof header[name] === 'string') &&
    !Number.isNaN(Date.parse(String(header['time'])));
  const place = typeof header['place'] === 'string' ? header['place'] : '';
  return isHeader ? { ...(value as Header), place } : undefined;
}

/** The log is read byte by byte, and what the gate has written in it is UTF-8. */
function parseJson(latin1: string): unknown {
  try {
    return JSON.parse(Buffer.from(latin1, 'latin1').toString('utf8'));
  } catch {
    return undefined;
  }
}
