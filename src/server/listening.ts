/** The port of `pysync serve`. */
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { errnoOf, PysyncError } from '../errors.js';
import { bannerAt } from '../sshd/server.js';
import { printable } from '../system/text.js';

/** Where `pysync serve` listens without a word of its owner's. */
export const usualPort = 2222;

/**
 * Listens on all addresses, and tries for `patienceMs` milliseconds where the port is taken. Throws
 * PysyncError `PORT_TAKEN`, `PORT_REFUSED`.
 */
export async function listenOn(port: number, patienceMs = 0): Promise<Server> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await listenOnAll(port);
    } catch (error) {
      const isTaken = errnoOf(error) === 'EADDRINUSE';
      if (!isTaken || Date.now() >= deadline) throw await failure(error, port);
      await wait(100);
    }
  }
}

async function listenOnAll(port: number): Promise<Server> {
  try {
    return await listen(port, '::');
  } catch (error) {
    // A machine without IPv6.
    const isWithout = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(errnoOf(error) ?? '');
    if (!isWithout) throw error;
    return listen(port, '0.0.0.0');
  }
}

function listen(port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      // One that came before the engine did: it will come again.
      socket.destroy();
    });
    server.once('error', reject);
    server.listen({ port, host, backlog: 511 }, () => {
      resolve(server);
    });
  });
}

/** For another process to be started with: Node has no name for it. */
export function descriptorOf(server: Server): number {
  return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}

async function failure(error: unknown, port: number): Promise<unknown> {
  const other = `choose another: pysync serve --port ${port === usualPort ? 2223 : usualPort}`;
  const code = errnoOf(error);
  if (code === 'EADDRINUSE') {
    const who = await whoAnswers(port);
    return new PysyncError('PORT_TAKEN', `port ${port} is taken by ${who}`, { hints: [other] });
  }
  if (code !== 'EACCES') return error;
  return new PysyncError('PORT_REFUSED', `port ${port} is not for ordinary users`, {
    hints: [other],
  });
}

async function whoAnswers(port: number): Promise<string> {
  const banner = (await bannerAt(port, '127.0.0.1')) ?? (await bannerAt(port, '::1'));
  if (banner === undefined) return 'another program';
  const name = banner.replace(/^SSH-[\d.]+-/, '');
  return name.startsWith('pysync') ? 'another pysync serve' : `an ssh server (${printable(name)})`;
}
