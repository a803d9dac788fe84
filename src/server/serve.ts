/** `pysync serve`, without what it shows: the engine in its sandbox, and whoever answers it. */
import { setTimeout as wait } from 'node:timers/promises';
import { PysyncError } from '../errors.js';
import { ownNetworks } from '../system/network.js';
import { makeTemporaryFolder } from '../system/temporary.js';
import { Answers } from './answers.js';
import type { OnNotice, Strangers } from './answers.js';
import { openEngine } from './engine-process.js';
import type { Engine } from './engine-process.js';
import { forgetGuests } from './guests.js';
import { listenOn } from './listening.js';
import type { ToHost } from './messages.js';
import { withoutRepetitions } from './notices.js';

export interface ServeOptions {
  readonly port: number;
  readonly hostKey: string;
  readonly anyNetwork: boolean;
  readonly strangers: Strangers;
  /** What the owner may want to know of a connection. */
  readonly onNotice: OnNotice;
}

export interface Serving {
  /** How many commands run. */
  readonly running: () => number;
  /** Takes no more commands, and resolves when all have ended. */
  readonly finish: () => Promise<void>;
  /** Cuts off what runs. */
  readonly stop: () => void;
  /** Rejects when the engine has ended too often. */
  readonly failed: Promise<never>;
}

/** Milliseconds between two looks at this machine's networks. */
const networksMs = 5000;

/** Milliseconds in which the last words of a command reach the network. */
const lastWordsMs = 300;

/** Milliseconds in which an engine that has ended lets go of its port. */
const restartMs = 5000;

/** An engine that ends more often than this in a minute is not started again. */
const mostStarts = 5;

/**
 * Starts to serve. Throws PysyncError `CONFINEMENT_MISSING`, `PORT_TAKEN`, `PORT_REFUSED`,
 * `SERVE_FAILED`.
 */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { anyNetwork, strangers } = options;
  const onNotice = withoutRepetitions(options.onNotice);
  forgetGuests();
  const folder = makeTemporaryFolder();
  const answers = new Answers(folder.path, strangers, onNotice);
  const networks = (): string[] => (anyNetwork ? [] : ownNetworks());
  const starts: number[] = [];
  let engine: Engine | undefined;
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  // It may fail before anybody waits for it.
  failed.catch(() => undefined);

  const start = async (): Promise<void> => {
    starts.push(Date.now());
    const server = await listenOn(options.port, starts.length > 1 ? restartMs : 0);
    const own = await openEngine(server, folder.path, {
      kind: 'start',
      hostKey: options.hostKey,
      networks: networks(),
      pairs: strangers.knocks !== undefined,
      takesCode: strangers.code !== undefined,
    });
    engine = own;
    own.onMessage((message) => {
      take(message, own, answers, onNotice).catch((error: unknown) => {
        onNotice('pysync', `could not answer: ${String(error)}`);
      });
    });
    own.onExit(() => {
      answers.allGone(own.prefix);
      startAgain();
    });
  };

  const startAgain = (): void => {
    if (answers.isStopping) return;
    if (starts.filter((time) => time > Date.now() - 60_000).length > mostStarts) {
      fail(new PysyncError('SERVE_FAILED', 'what speaks to the network ends again and again'));
      return;
    }
    onNotice('pysync', 'has started again what speaks to the network');
    start().catch((error: unknown) => {
      // One that ends before it listens is one more that has ended.
      if (error instanceof PysyncError && error.code === 'SERVE_FAILED') startAgain();
      else fail(error);
    });
  };

  await start();
  const timer = setInterval(() => {
    engine?.send({ kind: 'networks', networks: networks() });
  }, networksMs);
  return {
    running: () => answers.running().length,
    finish: async () => {
      answers.isStopping = true;
      while (answers.running().length > 0) {
        await Promise.allSettled(answers.running().map(({ ended }) => ended));
        await wait(lastWordsMs);
      }
    },
    stop: () => {
      answers.isStopping = true;
      clearInterval(timer);
      engine?.end();
      folder.remove();
    },
    failed,
  };
}

async function take(
  message: ToHost,
  engine: Engine,
  answers: Answers,
  onNotice: OnNotice,
): Promise<void> {
  switch (message.kind) {
    case 'login':
      engine.send({ kind: 'login', id: message.id, ...(await answers.login(message)) });
      break;
    case 'run': {
      const { session } = message;
      await answers.run(message, `${engine.prefix}${session}`, {
        say: (text) => {
          engine.send({ kind: 'say', session, text });
        },
        running: (path) => {
          engine.send({ kind: 'running', session, path });
        },
        ended: (status) => {
          engine.send({ kind: 'ended', session, status });
        },
      });
      break;
    }
    case 'gone':
      answers.gone(`${engine.prefix}${message.session}`);
      break;
    case 'notice':
      onNotice(message.address, message.what);
      break;
    case 'ready':
  }
}
