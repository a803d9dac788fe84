/** Starts the engine in its sandbox, and speaks to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { PysyncError } from '../errors.js';
import { bubblewrapFixes } from '../sandbox/choose.js';
import { printable } from '../system/text.js';
import { boxed } from './box.js';
import { descriptorOf } from './listening.js';
import { readToHost } from './messages.js';
import type { Start, ToEngine, ToHost } from './messages.js';

export interface Engine {
  readonly send: (message: ToEngine) => void;
  readonly onMessage: (take: (message: ToHost) => void) => void;
  readonly onExit: (take: () => void) => void;
  /** With a session's number behind it, a name that no session of another engine has. */
  readonly prefix: string;
  readonly end: () => void;
}

let engines = 0;

/**
 * Hands `server` over to a new engine, for which `folder` is all that there is. Throws PysyncError
 * `CONFINEMENT_MISSING`, `SERVE_FAILED`.
 */
export async function openEngine(server: Server, folder: string, start: Start): Promise<Engine> {
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
  child.stderr?.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-4000)));
  child.on('error', () => undefined);
  server.close();
  const send = (message: ToEngine): void => {
    if (child.connected) child.send(message, () => undefined);
  };
  send(start);
  const isReady = await Promise.race([
    once(child, 'message').then(() => true),
    once(child, 'exit').then(() => false),
  ]);
  if (!isReady) throw notStarted(said);
  return {
    send,
    onMessage: (take) => {
      child.on('message', (value) => {
        const message = readToHost(value);
        if (message !== undefined) take(message);
      });
    },
    onExit: (take) => {
      child.once('exit', take);
    },
    prefix: `${number}.`,
    end: () => {
      child.kill('SIGKILL');
    },
  };
}

function notStarted(said: string): PysyncError {
  const lines = said.split('\n');
  const why = lines.find((line) => /^(?:bwrap|\w*Error)\b/.test(line)) ?? '';
  if (why.startsWith('bwrap')) {
    const what = 'bubblewrap does not start what speaks to the network';
    return new PysyncError('CONFINEMENT_MISSING', what, {
      hints: [printable(why), ...bubblewrapFixes],
    });
  }
  return new PysyncError('SERVE_FAILED', 'what speaks to the network could not be started', {
    hints: [...(why === '' ? [] : [printable(why)]), 'pysync doctor looks for the cause'],
  });
}
