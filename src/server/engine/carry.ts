/** Carries the bytes of one command between an ssh channel and the sockets of the program that runs. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { Connection, ServerChannel } from 'ssh2';
import { isExchanging, socketOf } from './internals.js';
import { lingerMs, waitingBytes } from './limits.js';

export interface Carried {
  /** Resolves when all of the command's output is sent. */
  readonly drained: Promise<void>;
  /** Ends the command's standard input and whatever else it holds of ours. */
  readonly close: () => void;
}

/** Connects to the three sockets of a command, in the order of their descriptors. */
export async function carry(
  connection: Connection,
  channel: ServerChannel,
  path: string,
): Promise<Carried> {
  const [input, output, errors] = await connectedThrice(path);
  const gone = new AbortController();
  channel.pipe(input);
  const drained = Promise.all([
    pump(output, channel, connection, gone.signal),
    pump(errors, channel.stderr, connection, gone.signal),
  ]);
  return {
    drained: drained.then(() => undefined),
    close: () => {
      gone.abort();
      for (const socket of [input, output, errors]) socket.destroy();
    },
  };
}

async function connectedThrice(path: string): Promise<readonly [Socket, Socket, Socket]> {
  const sockets: Socket[] = [];
  try {
    while (sockets.length < 3) sockets.push(await connected(path));
  } catch (error) {
    for (const socket of sockets) socket.destroy();
    throw error;
  }
  return sockets as unknown as readonly [Socket, Socket, Socket];
}

async function connected(path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  await once(socket, 'connect');
  // A command that closes its input while a client still sends: what comes has nowhere to go.
  socket.on('error', () => undefined);
  return socket;
}

async function pump(
  source: Socket,
  target: Writable,
  connection: Connection,
  gone: AbortSignal,
): Promise<void> {
  try {
    for await (const chunk of source) {
      await written(target, chunk, gone);
      await roomFor(connection, gone);
    }
  } catch {
    // Either side is gone.
  }
}

/**
 * Waits until the client's window has let all of `chunk` through: ssh2 would take 2 MiB more.
 */
function written(target: Writable, chunk: unknown, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      gone.removeEventListener('abort', done);
      resolve();
    };
    gone.addEventListener('abort', done);
    target.write(chunk, done);
  });
}

/**
 * Waits until less waits for the network than the limit.
 *
 * SECURITY: ssh2 takes whatever the client's window allows, which may be gigabytes, and keeps all of it
 * while a key exchange goes on (test/attacks/serve-memory.test.ts).
 */
async function roomFor(connection: Connection, gone: AbortSignal): Promise<void> {
  const socket = socketOf(connection);
  while (!gone.aborted) {
    if (isExchanging(connection)) await once(connection, 'rekey', { signal: gone });
    else if (socket.writableLength > waitingBytes) await once(socket, 'drain', { signal: gone });
    else return;
  }
}

/** Waits for `drained`, but not for ever: something that the command left behind may hold its output. */
export async function drainedSoon({ drained }: Carried): Promise<void> {
  const soon = new AbortController();
  const timer = setTimeout(() => {
    soon.abort();
  }, lingerMs);
  await Promise.race([drained, once(soon.signal, 'abort')]);
  clearTimeout(timer);
}
