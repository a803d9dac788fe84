/**
 * How much the logs of connections may take. A peer makes one with every connection and decides how
 * long it gets, on a disk that the cap of its share does not cover.
 */
import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';

/**
 * The name of a log is `TIME-PID-RANDOM-KEY.log`, and `TIME-PID-RANDOM-KEY-BYTES.log` once it has
 * ended: asking the disk for the size of each would take longer than all else that the gate does.
 */
export function endedName(stem: string, bytes: number): string {
  return `${stem}-${bytes}.log`;
}

/** What a connection's log is called without its ending: the same while it runs and afterwards. */
export function stemOf(name: string): string {
  return name
    .split('-')
    .slice(0, 4)
    .join('-')
    .replace(/\.log$/, '');
}

export interface LogLimits {
  /** Ended connections whose logs are kept. */
  readonly count: number;
  /** What all logs together may take. */
  readonly bytes: number;
  /** How long a log is kept. */
  readonly days: number;
}

/** The launcher takes a log in reads of at most so many bytes; rsync writes one line at a time. */
export const pieceBytes = 256;

/** Enough for the first lines of any connection, also of the thousandth at the same time. */
const leastPieces = 64;

/**
 * How many pieces the log of a connection may have that has just been noted among `running` ones.
 *
 * The n-th at the same time gets 1/(n(n+1)) of half of `bytes`: that adds up to the half, however many
 * there are, and needs no record of what the others were given. A connection that starts later sees
 * at least those that started before and still run, so a race gives less and never more.
 */
export function piecesFor(running: number, bytes: number): number {
  const share = bytes / 2 / (running * (running + 1));
  return Math.max(leastPieces, Math.floor(share / pieceBytes));
}

/** Logs of connections that have not ended. */
export function runningLogs(state: string): string[] {
  return logsIn(`${state}/running`);
}

/**
 * Keeps the logs of ended connections within `count`, `days` and half of `bytes`.
 *
 * SECURITY: what is too much is taken from the key that has most, its oldest first: a peer that
 * makes many connections loses its own history and not that of others
 * (test/attacks/log-flood.test.ts).
 *
 * Of abandoned logs those that are `unfinished` stay where they are.
 */
export function removeOldLogs(
  state: string,
  limits: LogLimits,
  now: Date,
  unfinished: ReadonlySet<string> = new Set(),
): void {
  setAsideAbandoned(state, unfinished);
  const folder = `${state}/log`;
  const remove = (name: string): void => {
    rmSync(`${folder}/${name}`, { force: true });
    rmSync(`${folder}/${name}.new`, { force: true });
  };
  const oldest = stampOf(new Date(now.getTime() - limits.days * 86_400_000));
  const kept: { name: string; bytes: number }[] = [];
  for (const name of logsIn(folder)) {
    if (name < oldest) remove(name);
    else kept.push({ name, bytes: bytesOf(name) });
  }
  dropWhile(kept, limits.count, () => 1, remove);
  dropWhile(kept, limits.bytes / 2, ({ bytes }) => bytes, remove);
}

/** Removes from `logs` until their weights add up to no more than `limit`. */
function dropWhile<T extends { readonly name: string }>(
  logs: T[],
  limit: number,
  weigh: (log: T) => number,
  remove: (name: string) => void,
): void {
  let total = logs.reduce((sum, log) => sum + weigh(log), 0);
  if (total <= limit) return;
  const weights = new Map<string, number>();
  for (const log of logs) {
    const key = keyOf(log.name);
    weights.set(key, (weights.get(key) ?? 0) + weigh(log));
  }
  while (total > limit) {
    const [heaviest] = [...weights].reduce((most, one) => (one[1] > most[1] ? one : most));
    const at = logs.findIndex(({ name }) => keyOf(name) === heaviest);
    const [log] = logs.splice(at, 1);
    if (log === undefined) return;
    remove(log.name);
    weights.set(heaviest, (weights.get(heaviest) ?? 0) - weigh(log));
    total -= weigh(log);
  }
}

/** Logs of connections whose launcher is gone: where the machine stopped, nobody has moved them. */
export function abandonedLogs(state: string): string[] {
  return runningLogs(state).filter((name) => !isAlive(Number(name.split('-')[1])));
}

function setAsideAbandoned(state: string, unfinished: ReadonlySet<string>): void {
  for (const name of abandonedLogs(state)) {
    if (unfinished.has(name)) continue;
    const path = `${state}/running/${name}`;
    try {
      renameSync(path, `${state}/log/${endedName(stemOf(name), statSync(path).size)}`);
    } catch {
      // Its launcher, or another gate, was faster.
    }
    // The last two are an older version's.
    for (const more of ['pipe', 'time', 'top']) {
      rmSync(`${path}.${more}`, { recursive: true, force: true });
    }
  }
}

/** `20261123T061319Z`: begins the names of logs, so that these sort by time. */
export function stampOf(date: Date): string {
  return date.toISOString().replaceAll(/[-:]|\.\d+/g, '');
}

/** What ends the names of a key's logs: as much of its fingerprint as fits in a name. */
export function keyMark(fingerprint: string): string {
  return fingerprint
    .replace(/^SHA256:/, '')
    .slice(0, 12)
    .replaceAll(/[^A-Za-z0-9]/g, '_');
}

function keyOf(name: string): string {
  return stemOf(name).split('-')[3] ?? '';
}

function bytesOf(name: string): number {
  return Number(name.split('-')[4]?.replace('.log', '') ?? 0);
}

/** The names of the logs in a folder, the oldest first. */
export function logsIn(folder: string): string[] {
  return namesIn(folder)
    .filter((name) => name.endsWith('.log'))
    .sort();
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
