/**
 * One file per connection. While it runs, the file stands in `running/` and is the one thing
 * besides the share that the sandbox can write; afterwards the launcher moves it to `log/`.
 *
 * Its first line is a header in JSON, written here. rsync's lines follow, each starting with a
 * date, names escaped by rsync. The launcher ends it with a line `pysync-end STATUS`; a connection
 * that was refused has a line `pysync-refused REASON` instead.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  readdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { Refusal } from './refusal.js';

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
  /** What the client asked for, as it came. */
  readonly command: string;
  /** The launcher's process, which lives as long as the transfer. */
  readonly pid: number;
  /** The permission bits that the share's own folder gets back after a push, octal; else empty. */
  readonly mode: string;
  /** `topAttributes` of the decision. */
  readonly topAttributes: string;
  /**
   * Stands in front of what rsync notes about files. A client can have lines of its own written
   * into the log, by messages inside the protocol, and cannot know this.
   */
  readonly token: string;
}

export interface Log {
  readonly running: string;
  readonly ended: string;
}

/** Where a connection's log goes, under `state`. */
export function logPaths(state: string, now: Date, pid: number): Log {
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  // SECURITY: the random part keeps a peer from naming its own log through a planted link
  // (test/attacks/connection-log.test.ts).
  const name = `${stamp}-${pid}-${randomName()}.log`;
  return { running: `${state}/running/${name}`, ended: `${state}/log/${name}` };
}

/** Ended connections whose logs are kept; older ones are removed. */
const keptLogs = 1000;

/** Keeps the number of logs bounded: a peer makes one with every connection. */
export function removeOldLogs(state: string): void {
  const old = names(`${state}/log`).sort().slice(0, -keptLogs);
  for (const name of old) rmSync(`${state}/log/${name}`, { force: true });
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

/** Writes a log's first line, and more lines where it ends at once. */
export function writeLog(path: string, header: Header, ...more: readonly string[]): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    writeSync(descriptor, [JSON.stringify(header), ...more, ''].join('\n'));
  } finally {
    closeSync(descriptor);
  }
}

/** Reads a log's first line; undefined where it is not whole. */
export function readHeader(path: string): Header | undefined {
  try {
    const [line = ''] = readFileSync(path, 'utf8').split('\n', 1);
    return JSON.parse(line) as Header;
  } catch {
    return undefined;
  }
}

/**
 * What a push needs to know of the share's own folder before rsync starts: its permission bits as
 * the owner set them.
 *
 * `rsync -a dir/ host:` sets those of the share itself, so while another push runs, what stands on
 * disk may be a client's doing; that push's header has what stood there before. For ACLs and
 * extended attributes there is no such note, so a second push that sets them has to wait.
 */
export function ownMode(share: string, topAttributes: string, state: string): string {
  const pushes = runningSessions(state).filter(
    (header) => header.share === share && header.direction === 'push',
  );
  if (topAttributes !== '' && pushes.some((header) => header.topAttributes !== '')) {
    throw new Refusal('another transfer with -A or -X to the top of the share is running', [
      'send into a folder, as in HOST:folder/, or try again later',
    ]);
  }
  const [first] = pushes;
  return first?.mode ?? (statSync(share).mode & 0o7777).toString(8);
}

/** The connections whose launcher is alive. */
export function runningSessions(state: string): Header[] {
  return names(`${state}/running`)
    .filter((name) => name.endsWith('.log'))
    .map((name) => readHeader(`${state}/running/${name}`))
    .filter((header) => header !== undefined)
    .filter((header) => isAlive(header.pid));
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
