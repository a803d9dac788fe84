/** `pysync serve` as its owner runs it, without a terminal, and the processes that it is made of. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { inject } from 'vitest';
import { createAccount } from './account.js';
import type { Account } from './account.js';
import { systemPath, wrap } from './exec.js';
import { createPeer } from './peer.js';
import type { Peer } from './peer.js';
import { endTree } from './run-folder.js';
import { createTemporaryFolder, waitFor } from './tmp.js';

export interface ServeProcessOptions {
  readonly account: Account;
  /** Further words of the command line. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default a free one. */
  readonly port?: number;
  /** The network namespace to run in. */
  readonly netns?: string;
}

export interface ServeProcess {
  readonly port: number;
  /** The process outside the sandbox. */
  readonly pid: number;
  /** The process that speaks to the network; waits for one that was just started. */
  engine(): Promise<number>;
  /** What was printed so far: an event of `--json` each. */
  events(): Readonly<Record<string, unknown>>[];
  /** What was said on standard error so far. */
  said(): string;
  /** Resolves with the exit status when it has ended; 128 + 9 where it was killed. */
  readonly ended: Promise<number>;
  /** Ends it and all that it has started. */
  stop(): Promise<void>;
}

/** Starts it and waits until it listens; throws where it ends instead. */
export async function startServeProcess(options: ServeProcessOptions): Promise<ServeProcess> {
  const serve = await openServeProcess(options);
  await waitFor(
    'pysync serve to listen',
    async () => {
      const status = await Promise.race([serve.ended, delay(20)]);
      if (status !== undefined) throw new Error(`it ended with ${status}:\n${serve.said()}`);
      return serve.events().some(({ event }) => event === 'serving');
    },
    30_000,
  );
  return serve;
}

/** Starts it and waits for nothing: it may well refuse. */
export async function openServeProcess(options: ServeProcessOptions): Promise<ServeProcess> {
  const { account, args = [], env = {}, netns, port = await freePort() } = options;
  const program = [inject('node'), join(inject('program'), 'bin/pysync.js')];
  const words = [...program, 'serve', '--json', '--port', String(port), ...args];
  const [file = '', ...rest] = wrap(words, {
    as: account,
    ...(netns === undefined ? {} : { netns }),
  });
  // What a killed one leaves is only swept by the next one.
  const folder = createTemporaryFolder(account);
  const child = execa(file, rest, {
    cwd: account.home,
    env: { PATH: systemPath, HOME: account.home, USER: account.name, TMPDIR: folder.path, ...env },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    buffer: false,
  });
  let printed = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const { pid = 0 } = child;
  const ended = child.then(({ exitCode }) => exitCode ?? 128 + 9);
  return {
    port,
    pid,
    engine: () => waitFor('the engine', () => engineOf(pid)),
    events: () =>
      printed
        .split('\n')
        .slice(0, -1)
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    said: () => said,
    ended,
    stop: async () => {
      await endTree(pid);
      await ended;
      folder.remove();
    },
  };
}

/** An account whose `pysync serve` runs, and the peers of it. */
export interface ServeScene {
  readonly account: Account;
  readonly serve: ServeProcess;
  readonly share: string;
  /** A peer whose key was imported with these arguments of pysync. */
  letIn(...args: readonly string[]): Promise<Peer>;
  /** A peer whose key nobody knows. */
  stranger(): Promise<Peer>;
  remove(): Promise<void>;
}

export async function createServeScene(
  options: Omit<ServeProcessOptions, 'account'> = {},
): Promise<ServeScene> {
  const account = await createAccount();
  const serve = await startServeProcess({ account, ...options });
  const peers: Peer[] = [];
  const stranger = async (): Promise<Peer> => {
    const peer = await createPeer({ sshd: { address: '127.0.0.1', port: serve.port }, account });
    peers.push(peer);
    return peer;
  };
  return {
    account,
    serve,
    share: join(account.home, 'public'),
    stranger,
    letIn: async (...args) => {
      const peer = await stranger();
      const { exitCode, stderr } = await account.pysync(['-i', peer.publicKey, ...args]);
      if (exitCode !== 0) throw new Error(`the import failed: ${stderr}`);
      return peer;
    },
    remove: async () => {
      await serve.stop();
      await account.remove();
      for (const peer of peers) peer.remove();
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Bytes of memory that are a process's own: no files, and nothing that is shared. */
export function ownMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(status) ?? [];
  if (kilobytes === undefined) throw new Error(`process ${pid} has ended`);
  return Number(kilobytes) * 1024;
}

/** Notes the most memory that a process has while it is watched. */
export function watchMemory(pid: number): { readonly stop: () => number } {
  let most = ownMemory(pid);
  const timer = setInterval(() => {
    try {
      most = Math.max(most, ownMemory(pid));
    } catch {
      // Whoever stops the watch reads once more, and learns that it has ended.
    }
  }, 20);
  return {
    stop: () => {
      clearInterval(timer);
      return Math.max(most, ownMemory(pid));
    },
  };
}

/** The process that speaks to the network for this `pysync serve`, if there is one now. */
export function engineOf(host: number): number | undefined {
  const processes = readdirSync('/proc').flatMap((name) => readProcess(Number(name)) ?? []);
  const below = new Set([host]);
  for (let size = 0; size < below.size;) {
    size = below.size;
    for (const { pid, parent } of processes) if (below.has(parent)) below.add(pid);
  }
  const isEngine = ({ words }: ProcessInfo): boolean =>
    words[0]?.endsWith('node') === true && words.some((word) => word.endsWith('/engine/main.js'));
  return processes.find((each) => below.has(each.pid) && isEngine(each))?.pid;
}

interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly words: readonly string[];
}

function readProcess(pid: number): ProcessInfo | undefined {
  if (Number.isNaN(pid)) return undefined;
  try {
    const [, parent] = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return { pid, parent: Number(parent), words };
  } catch {
    return undefined;
  }
}
