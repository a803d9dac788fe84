/** What happens, as it happens: connections that begin, files that are whole, connections that end. */
import { closeSync, openSync, readSync, watch } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isAlive } from '../log/rotation.js';
import { stateFolder } from '../system/folders.js';
import { isEnded, logPaths, idOf, underItsName } from './log-files.js';
import { readLog } from './log-text.js';
import type { LogReader } from './log-text.js';
import { watchProgress } from './rate.js';
import type { Progress } from './rate.js';
import type { SentFile, Transfer } from './transfer.js';

export type Happening =
  | { readonly kind: 'started' | 'ended'; readonly transfer: Transfer }
  | { readonly kind: 'file'; readonly transfer: Transfer; readonly file: SentFile }
  | { readonly kind: 'progress'; readonly transfer: Transfer; readonly progress: Progress };

interface Followed {
  /** Held open, so that it can still be read after it is moved or removed. */
  readonly descriptor: number;
  readonly reader: LogReader;
  readonly progressOf: ReturnType<typeof watchProgress>;
  hasStarted: boolean;
}

/** Milliseconds between two looks; a change in the folders is seen sooner. */
const pause = 500;

/** Never ends. `keep`: how many files of each transfer are kept by name. */
export async function* follow(keep: number): AsyncGenerator<readonly Happening[], never> {
  const followed = new Map<string, Followed>();
  let seen = new Set(logPaths().filter(isEnded).map(idOf));
  const nextChange = watchFolders();
  for (;;) {
    const paths = logPaths();
    const isNew = (path: string): boolean => !seen.has(idOf(path));
    // One that moved at this moment could not be opened, and is still new at the next look.
    const missed = paths.filter(isNew).filter((path) => !begin(path, keep, followed));
    seen = new Set(paths.filter((path) => !missed.includes(path)).map(idOf));
    yield [...followed].flatMap(([id, one]) => {
      const happenings = look(one);
      if (happenings.at(-1)?.kind === 'ended') {
        closeSync(one.descriptor);
        followed.delete(id);
      }
      return happenings;
    });
    await nextChange();
  }
}

function begin(path: string, keep: number, followed: Map<string, Followed>): boolean {
  try {
    const id = idOf(path);
    followed.set(id, {
      descriptor: openSync(path, 'r'),
      reader: readLog(id, keep),
      progressOf: watchProgress(),
      hasStarted: false,
    });
    return true;
  } catch {
    return false;
  }
}

function look(one: Followed): Happening[] {
  // Asked before the rest is read: a launcher ends after it has written the last line.
  const wasAlive = isAlive(one.reader.transfer()?.header.pid ?? process.pid);
  const files = readOn(one);
  const transfer = one.reader.transfer();
  if (transfer === undefined) return [];
  const happenings: Happening[] = one.hasStarted ? [] : [{ kind: 'started', transfer }];
  one.hasStarted = true;
  for (const file of files) {
    happenings.push({ kind: 'file', transfer, file: underItsName(transfer, file) });
  }
  if (transfer.ending.kind !== 'running') return [...happenings, { kind: 'ended', transfer }];
  if (!wasAlive) {
    const lost: Transfer = { ...transfer, ending: { kind: 'lost' } };
    return [...happenings, { kind: 'ended', transfer: lost }];
  }
  const progress = one.progressOf(transfer, Date.now());
  return [...happenings, { kind: 'progress', transfer, progress }];
}

function readOn({ descriptor, reader }: Followed): SentFile[] {
  const found: SentFile[] = [];
  const chunk = Buffer.alloc(64 * 1024);
  for (;;) {
    const length = readSync(descriptor, chunk);
    if (length === 0) return found;
    found.push(...reader.read(chunk.subarray(0, length)));
  }
}

/** A function that waits for a change, or for the next look where changes are not announced. */
function watchFolders(): () => Promise<void> {
  let wake = (): void => undefined;
  for (const name of ['running', 'log']) {
    try {
      watch(`${stateFolder()}/${name}`, (event) => {
        // Not for each line of a log, which would be as much work as the transfer itself.
        if (event === 'rename') wake();
      }).on('error', () => undefined);
    } catch {
      // There is no such folder yet, or no watch is left.
    }
  }
  return async () => {
    const changed = new AbortController();
    wake = () => {
      changed.abort();
    };
    await wait(pause, undefined, { signal: changed.signal }).catch(() => undefined);
  };
}
