/** How fast a transfer goes: bytes of files, as rsync's own progress counts them. */
import { setTimeout as wait } from 'node:timers/promises';
import { join } from 'node:path';
import { quietMs, silentMs } from '../session/silent.js';
import { stateFolder } from '../system/folders.js';
import { currentFile } from './current-file.js';
import type { CurrentFile } from './current-file.js';
import type { Transfer } from './transfer.js';

export interface Progress {
  /** Undefined between two files, and where it cannot be seen. */
  readonly current: CurrentFile | undefined;
  /** Bytes a second; undefined before there are two looks to compare. */
  readonly rate: number | undefined;
  /** Of a push from which nothing has come for a while: for how long, in milliseconds. */
  readonly silentMs: number | undefined;
}

/** Looks at a transfer again and again; the rate is that between the last looks. */
export function watchProgress(): (transfer: Transfer, now: number) => Progress {
  let last: { bytes: number; time: number } | undefined;
  let rate: number | undefined;
  return (transfer, now) => {
    const current = currentFile(transfer.header);
    const bytes = transfer.bytes + (current?.position ?? 0);
    const elapsed = last === undefined ? 0 : (now - last.time) / 1000;
    // Between a file's last byte and its line in the log it is counted nowhere.
    if (last !== undefined && elapsed >= 0.1 && bytes >= last.bytes) {
      const latest = (bytes - last.bytes) / elapsed;
      rate = rate === undefined ? latest : (rate + latest) / 2;
    }
    if (last === undefined || elapsed >= 0.1) last = { bytes, time: now };
    return { current, rate, silentMs: silenceOf(transfer) };
  };
}

/** Each of these running transfers with its progress; waits a moment for the rate, if there are any. */
export async function lookTwice<T extends Transfer>(
  transfers: readonly T[],
): Promise<(readonly [T, Progress])[]> {
  const looks = transfers.map((transfer) => [transfer, watchProgress()] as const);
  for (const [transfer, look] of looks) look(transfer, Date.now());
  if (looks.length > 0) await wait(250);
  return looks.map(([transfer, look]) => [transfer, look(transfer, Date.now())] as const);
}

/** A sender that reads its own files can be silent too, so this does not prove that it has gone. */
function silenceOf({ id, header }: Transfer): number | undefined {
  if (header.direction !== 'push') return undefined;
  const quiet = quietMs(join(stateFolder(), 'running', `${id}.log`), header);
  return quiet < silentMs ? undefined : quiet;
}
