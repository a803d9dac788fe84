/** Runs the launcher for a client of the engine, with the engine's sockets as its descriptors 0 to 2. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { formatPolicy } from '../gate/policy.js';
import type { Policy } from '../gate/policy.js';

/** As in a line of authorized_keys. */
export interface Launch {
  readonly launcher: string;
  readonly policy: Policy;
}

export interface Command {
  /** The Unix socket to which the engine connects three times. */
  readonly path: string;
  /** Starts when it has; resolves with the status, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** The client is gone: rsync sees it by its sockets and ends, or is ended. */
  readonly abandon: () => void;
}

/** Milliseconds that a launcher gets to tidy up when its client is gone. */
const goodbyeMs = 5000;

/** `name` is that of a file in `folder`, which nobody else has. */
export async function runLauncher(
  launch: Launch,
  request: { readonly command: string; readonly connection: string },
  folder: string,
  name: string,
): Promise<Command> {
  const path = join(folder, name);
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  const early: Socket[] = [];
  const streams = threeOf(server, early);
  server.listen(path);
  await once(server, 'listening');
  let child: ChildProcess | undefined;
  const ended = streams.then((sockets) => {
    child = start(launch, request, sockets);
    return endOf(child);
  });
  return {
    path,
    ended,
    abandon: () => {
      server.close();
      // They are paused, and would not see their end.
      if (child === undefined) for (const socket of early) socket.destroy();
      setTimeout(() => {
        // The whole group: what the launcher has started in its sandbox ends with it.
        if (child?.exitCode === null && child.signalCode === null) endGroup(child.pid);
      }, goodbyeMs).unref();
    },
  };
}

/**
 * The first three that connect, in their order; rejects where the server was closed before. They are in
 * `sockets` as soon as they have connected.
 */
async function threeOf(
  server: Server,
  sockets: Socket[],
): Promise<readonly [Socket, Socket, Socket]> {
  await new Promise<void>((resolve, reject) => {
    server.on('connection', (socket) => {
      sockets.push(socket);
      if (sockets.length === 3) resolve();
    });
    server.once('close', reject);
  });
  server.removeAllListeners('close');
  server.close();
  return sockets as unknown as readonly [Socket, Socket, Socket];
}

function start(
  { launcher, policy }: Launch,
  { command, connection }: { readonly command: string; readonly connection: string },
  sockets: readonly [Socket, Socket, Socket],
): ChildProcess {
  const child = spawn(launcher, formatPolicy(policy), {
    stdio: [...sockets],
    // A group of its own, which Ctrl-C in the owner's terminal does not reach.
    detached: true,
    env: { PATH: '/usr/bin:/bin', SSH_ORIGINAL_COMMAND: command, SSH_CONNECTION: connection },
  });
  // The launcher has them now.
  for (const socket of sockets) socket.destroy();
  return child;
}

function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once('error', () => {
      resolve(1);
    });
    child.once('exit', (status, signal) => {
      resolve(status ?? signal ?? 1);
    });
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It has just ended.
  }
}
