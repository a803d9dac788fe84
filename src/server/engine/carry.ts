/** Carries the bytes of one command between an ssh channel and the sockets of the program that runs. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { Connection, ServerChannel } from 'ssh2';
import { isExchanging, socketOf } from './internals.js';
import { lingerMs, pieceBytes, waitingBytes } from './limits.js';

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
  const gone = new AbortController();
  const input = connect({ path, allowHalfOpen: true });
  const output = pump(path, channel, connection, gone.signal);
  const errors = pump(path, channel.stderr, connection, gone.signal);
  const sockets = [input, output, errors];
  // A command that closes its input while a client still sends: what comes has nowhere to go.
  for (const socket of sockets) socket.on('error', () => undefined);
  const drained = Promise.allSettled([output, errors].map((socket) => once(socket, 'close')));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  channel.pipe(input);
  return {
    drained: drained.then(() => undefined),
    close: () => {
      gone.abort();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/**
 * Connects to a command's output and writes it to `target`. One buffer takes all of it by turns, and is
 * free again when ssh2 has made packets of what was in it: a new one for each piece would be a sixth of
 * the work of a pull.
 */
function pump(path: string, target: Writable, connection: Connection, gone: AbortSignal): Socket {
  const buffer = Buffer.allocUnsafeSlow(pieceBytes);
  const callback = (length: number): boolean => {
    let written = (): void => undefined;
    target.write(buffer.subarray(0, length), () => {
      written();
    });
    // What the client's window has no room for is still in the buffer.
    if (target.writableLength === 0 && hasRoom(connection)) return true;
    written = () => {
      roomFor(connection, gone).then(
        () => socket.resume(),
        // Either side is gone.
        () => undefined,
      );
    };
    return false;
  };
  const socket = connect({ path, onread: { buffer, callback } });
  return socket;
}

/**
 * Whether less waits for the network than the limit.
 *
 * SECURITY: ssh2 takes whatever the client's window allows, which may be gigabytes, and keeps all of it
 * while a key exchange goes on (test/attacks/serve-memory.test.ts).
 */
function hasRoom(connection: Connection): boolean {
  return !isExchanging(connection) && socketOf(connection).writableLength <= waitingBytes;
}

async function roomFor(connection: Connection, gone: AbortSignal): Promise<void> {
  while (!gone.aborted && !hasRoom(connection)) {
    const [source, event] = isExchanging(connection)
      ? [connection, 'rekey']
      : [socketOf(connection), 'drain'];
    await once(source, event, { signal: gone });
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
