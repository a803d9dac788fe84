/** `pysync serve`, without what it shows: the engine in its sandbox, and the answers to its questions. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { PysyncError } from '../errors.js';
import { fingerprintOf } from '../keys/key-line.js';
import { ownNetworks } from '../system/network.js';
import { makeTemporaryFolder } from '../system/temporary.js';
import { printable } from '../system/text.js';
import { admissionOf } from './admission.js';
import { boxed } from './box.js';
import { runLauncher } from './commands.js';
import type { Command } from './commands.js';
import { descriptorOf, listenOn } from './listening.js';
import type { LoginQuestion, RunQuestion, ToEngine, ToHost, Verdict } from './messages.js';

export interface ServeOptions {
  readonly port: number;
  readonly hostKey: string;
  readonly anyNetwork: boolean;
  /** What the owner may want to know of a connection. */
  readonly onNotice: (address: string, what: string) => void;
}

export interface Serving {
  /** How many commands run. */
  readonly running: () => number;
  /** Takes no more clients, and resolves when all commands have ended. */
  readonly finish: () => Promise<void>;
  /** Cuts what runs. */
  readonly stop: () => void;
  /** Rejects when the engine has ended too often. */
  readonly failed: Promise<never>;
}

/** Milliseconds between two looks at this machine's networks. */
const networksMs = 5000;

/** An engine that ends more often than this in a minute is not started again. */
const restarts = 5;

/** Starts to serve. Throws PysyncError `CONFINEMENT_MISSING`, `PORT_TAKEN`, `SERVE_FAILED`. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const folder = makeTemporaryFolder();
  const commands = new Map<string, Command>();
  const networks = (): string[] => (options.anyNetwork ? [] : ownNetworks());
  let engine: Engine | undefined;
  let isStopping = false;
  const starts: number[] = [];
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined);

  const startEngine = async (): Promise<void> => {
    starts.push(Date.now());
    const server = await listenOn(options.port);
    engine = await openEngine(server, folder.path, { ...options, networks: networks() });
    const own = engine;
    own.child.on('message', (message: ToHost) => {
      take(message, own).catch((error: unknown) => {
        options.onNotice('pysync', `could not answer: ${String(error)}`);
      });
    });
    own.child.once('exit', () => {
      if (isStopping) return;
      const lately = starts.filter((time) => time > Date.now() - 60_000);
      if (lately.length > restarts) {
        fail(new PysyncError('SERVE_FAILED', 'what speaks to the network ends again and again'));
      } else {
        options.onNotice('pysync', 'had to start again what speaks to the network');
        startEngine().catch(fail);
      }
    });
  };

  const take = async (message: ToHost, own: Engine): Promise<void> => {
    switch (message.kind) {
      case 'login':
        own.send({ kind: 'login', id: message.id, verdict: await verdictOn(message, options) });
        break;
      case 'run':
        await run(message, own);
        break;
      case 'gone':
        commands.get(own.nameOf(message.session))?.abandon();
        break;
      case 'notice':
        options.onNotice(message.address, message.what);
        break;
      case 'ready':
    }
  };

  const run = async (question: RunQuestion, own: Engine): Promise<void> => {
    const { session } = question;
    const refuse = (text: string): void => {
      own.send({ kind: 'say', session, text: `pysync: ${text}\n` });
      own.send({ kind: 'ended', session, status: 1 });
    };
    if (isStopping) {
      refuse('the receiving side is being stopped');
      return;
    }
    // SECURITY: at each command as the file is now, and not as it was at login.
    const admission = await admissionOf(question.key, question.address);
    if (admission.kind !== 'in') {
      refuse('this key is not let in any more');
      return;
    }
    if (question.command.includes('\ufffd')) {
      refuse('the command is not UTF-8, so names in it cannot be told apart');
      return;
    }
    const name = own.nameOf(session);
    const command = await runLauncher(admission.line, question, folder.path, name);
    commands.set(name, command);
    own.send({ kind: 'running', session, path: command.path });
    const status = await command.ended.catch(() => 1);
    commands.delete(name);
    own.send({ kind: 'ended', session, status });
  };

  await startEngine();
  const timer = setInterval(() => {
    engine?.send({ kind: 'networks', networks: networks() });
  }, networksMs);
  return {
    running: () => commands.size,
    finish: async () => {
      isStopping = true;
      while (commands.size > 0) {
        await Promise.allSettled([...commands.values()].map(({ ended }) => ended));
        await Promise.resolve();
      }
      // What the last one has said is still on its way.
      await engine?.drained();
    },
    stop: () => {
      isStopping = true;
      clearInterval(timer);
      engine?.child.kill('SIGKILL');
      folder.remove();
    },
    failed,
  };
}

interface Engine {
  readonly child: ChildProcess;
  readonly send: (message: ToEngine) => void;
  /** A name for a session that no other engine's session has. */
  readonly nameOf: (session: number) => string;
  /** Waits a moment in which what was sent reaches the network. */
  readonly drained: () => Promise<void>;
}

let engines = 0;

async function openEngine(
  server: Server,
  folder: string,
  { hostKey, networks }: { readonly hostKey: string; readonly networks: readonly string[] },
): Promise<Engine> {
  const number = (engines += 1);
  const [program = '', ...args] = boxed('engine/main.js', folder);
  const child = spawn(program, args, {
    // messageDescriptor and listeningDescriptor are the last two.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc', descriptorOf(server)],
    // Ctrl-C in the owner's terminal is for the host to answer.
    detached: true,
    env: {},
  });
  let said = '';
  child.stderr?.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-2000)));
  child.on('error', () => undefined);
  server.close();
  const send = (message: ToEngine): void => {
    if (child.connected) child.send(message, () => undefined);
  };
  send({ kind: 'start', hostKey, networks });
  const first = await Promise.race([
    once(child, 'message').then(([message]) => (message as ToHost).kind),
    once(child, 'exit').then(() => 'exit'),
  ]);
  if (first !== 'ready') {
    const lines = said.split('\n');
    const why = lines.find((line) => /^(?:bwrap|\w*Error)\b/.test(line)) ?? '';
    throw new PysyncError('SERVE_FAILED', 'what speaks to the network could not be started', {
      hints: [...(why === '' ? [] : [printable(why)]), 'pysync doctor tells more'],
    });
  }
  return {
    child,
    send,
    nameOf: (session) => `${number}.${session}`,
    drained: () => new Promise((resolve) => setTimeout(resolve, 300)),
  };
}

async function verdictOn(question: LoginQuestion, options: ServeOptions): Promise<Verdict> {
  const admission = await admissionOf(question.key, question.address);
  if (admission.kind === 'in') return 'in';
  if (admission.kind === 'no') {
    options.onNotice(question.address, `${fingerprintOf(question.key)} ${admission.why}`);
  }
  return 'no';
}
