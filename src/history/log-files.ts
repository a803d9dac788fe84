/** The logs on disk, as transfers. */
import { closeSync, constants, futimesSync, openSync, writeSync } from 'node:fs';
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, logsIn, stampOf, stemOf } from '../log/rotation.js';
import { stateFolder } from '../system/folders.js';
import { readLog } from './log-text.js';
import type { SentFile, Transfer } from './transfer.js';

export interface Wanted {
  readonly count: number;
  /** The name of a peer, or a key's fingerprint. */
  readonly peer?: string | undefined;
  readonly since?: Date | undefined;
  /** How many files of each transfer are kept by name. */
  readonly keep: number;
}

export interface Logged extends Transfer {
  /** When it ended; undefined while it runs. */
  readonly ended: Date | undefined;
}

/** The last transfers that are wanted, the oldest of them first; running ones are among them. */
export function lastTransfers(wanted: Wanted): Logged[] {
  const found: Logged[] = [];
  for (const path of logPaths().reverse()) {
    if (found.length >= wanted.count) break;
    // Names begin with the time, so what comes now is older still.
    if (wanted.since !== undefined && idOf(path) < stampOf(wanted.since)) break;
    const transfer = readTransfer(path, wanted.keep);
    if (transfer !== undefined && isOf(transfer, wanted.peer)) found.push(transfer);
  }
  return found.reverse();
}

/** The transfers that run now, without the names of their files. */
export function runningTransfers(): Logged[] {
  return logPaths()
    .filter((path) => !isEnded(path))
    .flatMap((path) => readTransfer(path, 0) ?? [])
    .filter(({ ending }) => ending.kind === 'running');
}

export function isOf({ header }: Transfer, peer: string | undefined): boolean {
  return peer === undefined || header.peer === peer || header.key === peer;
}

/** The paths of all logs, the oldest first. */
export function logPaths(): string[] {
  const state = stateFolder();
  // A log that ends between the two lookups is in both: ended ones second, so that it is read once.
  const running = logsIn(`${state}/running`);
  const ended = logsIn(`${state}/log`);
  const haveEnded = new Set(ended.map(stemOf));
  return [
    ...ended.map((name) => join(state, 'log', name)),
    ...running
      .filter((name) => !haveEnded.has(stemOf(name)))
      .map((name) => join(state, 'running', name)),
  ].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
}

/** Whether this is the path of a log that no launcher writes to any longer. */
export function isEnded(path: string): boolean {
  return path.startsWith(join(stateFolder(), 'log/'));
}

/** Undefined where it is gone, or not a log. */
export function readTransfer(path: string, keep: number): Logged | undefined {
  try {
    const { mtime } = statSync(path);
    const reader = readLog(idOf(path), keep);
    reader.read(readFileSync(path));
    const read = reader.transfer();
    if (read === undefined) return undefined;
    const transfer = { ...read, files: read.files.map((file) => underItsName(read, file)) };
    const { ending, header } = transfer;
    if (ending.kind !== 'running') return { ...transfer, ended: mtime };
    if (isAlive(header.pid)) return { ...transfer, ended: undefined };
    return { ...transfer, ending: { kind: 'lost' }, ended: mtime };
  } catch {
    return undefined;
  }
}

/**
 * `rsync a HOST:b` stores one file as `b`, or in the folder `b`, and logs the same for both: what is
 * there now has to tell.
 */
export function underItsName({ header, fileCount }: Transfer, file: SentFile): SentFile {
  const { place, share } = header;
  if (fileCount !== 1 || place.endsWith('/') || file.raw === '') return file;
  try {
    if (!lstatSync(join(share, place)).isFile()) return file;
    return { ...file, raw: Buffer.from(place).toString('latin1') };
  } catch {
    return file;
  }
}

/**
 * Adds a line to a log, which keeps its time where `time` is given. Nothing is created where the log
 * has been moved or removed in the meantime: then nobody asks for the line either.
 */
export function addLine(path: string, line: string, time?: Date): void {
  try {
    const descriptor = openSync(path, constants.O_WRONLY | constants.O_APPEND);
    writeSync(descriptor, `${line}\n`);
    if (time !== undefined) futimesSync(descriptor, time, time);
    closeSync(descriptor);
  } catch {
    // It is gone.
  }
}

/** What a connection's log is known by, while it runs and afterwards. */
export function idOf(path: string): string {
  return stemOf(path.slice(path.lastIndexOf('/') + 1));
}
