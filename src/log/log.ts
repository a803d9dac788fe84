/**
 * One file per connection. While it runs, the file is in `running/`, with a pipe beside it that
 * is the one thing besides the share that the sandbox can write; afterwards the launcher moves it
 * to `log/`.
 *
 * Its first line is a header in JSON, written here. rsync's lines follow, each starting with a
 * date, names escaped by rsync; the launcher takes them from the pipe, as many as `rotation.ts`
 * allows, and notes `pysync-cut` where there were more. It ends the log with a line `pysync-end
 * STATUS`; a connection that was refused has a line `pysync-refused REASON` instead.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { Refusal } from '../gate/refusal.js';
import type { Finish } from '../staging/finish.js';
import { endedName, isAlive, keyMark, runningLogs, stampOf } from './rotation.js';

export interface Header {
  readonly version: 1;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly peer: string;
  /** The key's fingerprint. */
  readonly key: string;
  readonly share: string;
  /** Where the connection came from; empty where sshd did not say. */
  readonly address: string;
  readonly direction: 'push' | 'pull' | 'none';
  /** Of a push: the destination, as a path in the share; a slash at its end means a folder. */
  readonly place: string;
  /** What the client asked for, as it came; a long one is cut off. */
  readonly command: string;
  /** The launcher's process, which lives as long as the transfer. */
  readonly pid: number;
  /** Of a push: what is to be done when it has ended. Lines of older versions have none. */
  readonly finish?: Finish;
  /**
   * Is in front of what rsync notes about files. A client can have lines of its own written
   * into the log, by messages inside the protocol, and cannot know this.
   */
  readonly token: string;
}

export interface Log {
  readonly running: string;
  /** Without its ending, which has the size. */
  readonly ended: string;
}

/** Where the log of a connection by this key goes, under `state`. */
export function logPaths(state: string, now: Date, pid: number, key: string): Log {
  // SECURITY: the random part keeps a peer from naming its own log through a planted link
  // (test/attacks/connection-log.test.ts).
  const stem = `${stampOf(now)}-${pid}-${randomName()}-${keyMark(key)}`;
  return { running: `${state}/running/${stem}.log`, ended: `${state}/log/${stem}` };
}

/** 128 random bits; node:crypto would take longer to load than all of the gate. */
export function randomName(): string {
  const bytes = Buffer.alloc(16);
  const descriptor = openSync('/dev/urandom', 'r');
  try {
    if (readSync(descriptor, bytes) !== bytes.length) throw new Error('no random bytes');
  } finally {
    closeSync(descriptor);
  }
  return bytes.toString('hex');
}

/** Makes the folders of `state` where they are missing. */
export function makeLogFolders(state: string): void {
  for (const name of ['running', 'log']) {
    mkdirSync(`${state}/${name}`, { recursive: true, mode: 0o700 });
  }
}

/** Writes the first line of a log. */
export function beginLog(path: string, header: Header): void {
  writeNew(path, `${JSON.stringify(header)}\n`);
}

/** Writes the whole log of a connection that was refused. */
export function writeRefusal(log: Log, header: Header, reason: string): void {
  const text = `${JSON.stringify(header)}\npysync-refused ${JSON.stringify(reason)}\n`;
  writeNew(endedName(log.ended, Buffer.byteLength(text)), text);
}

function writeNew(path: string, text: string): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    writeSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * A header is one line of less; the lines behind it may be many. SECURITY: a client's command has up
 * to 64 Ki characters, of which JSON makes up to six bytes each; a session whose header cannot be
 * read is one that nobody can end (test/attacks/over-long-command.test.ts).
 */
const headerBytes = 1 << 20;

/** Reads a log's first line; undefined where it is not whole. */
export function readHeader(path: string): Header | undefined {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(Math.min(headerBytes, fstatSync(descriptor).size));
      const [line = ''] = bytes.toString('utf8', 0, readSync(descriptor, bytes)).split('\n', 1);
      return JSON.parse(line) as Header;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}

/**
 * Refuses a push that cannot run beside one that does: two that set ACLs or attributes would give
 * folders back what the other has set; and while one writes into files, another must not give these
 * a second name in the share, since both would change.
 */
export function refuseConflicts(share: string, mine: Finish, running: readonly Header[]): void {
  for (const { share: other, finish: theirs } of running) {
    if (other !== share || theirs === undefined) continue;
    const isConflict =
      (mine.attributes !== '' && theirs.attributes !== '') ||
      (mine.writesInPlace && theirs.makesLinks) ||
      (mine.makesLinks && theirs.writesInPlace);
    if (!isConflict) continue;
    const options =
      mine.attributes !== '' && theirs.attributes !== ''
        ? '-A or -X'
        : '--inplace, --append, -H or --link-dest';
    throw new Refusal(`another transfer with ${options} is running`, ['try again later']);
  }
}

/** The connections whose launcher is alive. */
export function runningSessions(state: string): Header[] {
  return runningLogs(state)
    .map((name) => readHeader(`${state}/running/${name}`))
    .filter((header) => header !== undefined)
    .filter((header) => isAlive(header.pid));
}
