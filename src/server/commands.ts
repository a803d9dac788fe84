/** Runs the launcher for a client of the engine, with the engine's sockets as its descriptors 0 to 2. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { formatPolicy } from '../gate/policy.js';
import type { Policy } from '../gate/policy.js';
import { maxLength } from '../gate/words.js';

/** As in a line of authorized_keys. */
export interface Launch {
  readonly launcher: string;
  readonly policy: Policy;
}

export interface Command {
  /** The Unix socket to which the engine connects three times. */
  readonly path: string;
  /** Starts when it has; resolves with the status, or the signal's name. Rejects where it cannot. */
  readonly ended: Promise<number | string>;
  /**
   * The client is gone before the engine has connected. Later rsync sees it by its sockets and ends, and
   * the launcher tidies up, as long as that takes.
   */
  readonly abandon: () => void;
}

/** `name` is that of a file in `folder`, which nobody else has. */
export async function runLauncher(
  launch: Launch,
  request: { readonly command: string; readonly connection: string },
  folder: string,
  name: string,
): Promise<Command> {
  const path = join(folder, name);
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  const sockets: Socket[] = [];
  const connected = new Promise<void>((resolve, reject) => {
    server.on('connection', (socket) => {
      if (sockets.push(socket) < 3) return;
      resolve();
      server.close();
    });
    // After this, where it was closed for lack of a client.
    server.once('close', reject);
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    path,
    ended: connected.then(() => endOf(start(launch, request, sockets))),
    abandon: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function start(
  { launcher, policy }: Launch,
  { command, connection }: { readonly command: string; readonly connection: string },
  sockets: readonly Socket[],
): ChildProcess {
  const env = {
    PATH: '/usr/bin:/bin',
    // The gate refuses what is cut here, and the system could not pass on much more.
    SSH_ORIGINAL_COMMAND: command.slice(0, maxLength + 1),
    SSH_CONNECTION: connection,
  };
  try {
    return spawn(launcher, formatPolicy(policy), {
      stdio: [...sockets],
      // Where sshd would start it the home is, but nothing is to be found by a relative name.
      cwd: '/',
      // A group of its own, which Ctrl-C in the owner's terminal does not reach.
      detached: true,
      env,
    });
  } finally {
    // The launcher has them now.
    for (const socket of sockets) socket.destroy();
  }
}

function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status, signal) => {
      resolve(status ?? signal ?? 1);
    });
  });
}
