/** The logs on disk, as transfers. */
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
    .map((path) => readTransfer(path, 0))
    .filter((transfer) => transfer?.ending.kind === 'running')
    .filter((transfer) => transfer !== undefined);
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

/** Whether this is the path of a log that no launcher writes to any more. */
export function isEnded(path: string): boolean {
  return path.startsWith(join(stateFolder(), 'log/'));
}

/** Undefined where it is gone, or no log. */
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

/** What a connection's log is known by, while it runs and afterwards. */
export function idOf(path: string): string {
  return stemOf(path.slice(path.lastIndexOf('/') + 1));
}
