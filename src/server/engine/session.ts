/** One session of a client that is logged in: the one command in it. */
import type { Connection, ServerChannel, Session } from 'ssh2';
import type { Client } from '../messages.js';
import { carry, drainedSoon } from './carry.js';
import type { Carried } from './carry.js';
import { askToRun } from './host.js';

/** Whoever has logged in, and through which addresses and ports (SSH_CONNECTION). */
export interface Visitor extends Client {
  readonly connection: string;
}

/** Takes the one command of a session; a shell is the empty one. All else is refused by ssh2. */
export function takeCommand(connection: Connection, session: Session, visitor: Visitor): void {
  session.once('exec', (accept, _reject, { command }) => {
    runCommand(connection, accept(), visitor, command);
  });
  session.once('shell', (accept) => {
    runCommand(connection, accept(), visitor, '');
  });
}

function runCommand(
  connection: Connection,
  channel: ServerChannel,
  visitor: Visitor,
  command: string,
): void {
  let carried: Promise<Carried> | undefined;
  let isOver = false;
  const end = async (status: number | string): Promise<void> => {
    const streams = await carried?.catch(() => undefined);
    if (streams !== undefined) await drainedSoon(streams);
    isOver = true;
    streams?.close();
    if (typeof status === 'number') channel.exit(status);
    else channel.exit(status.replace(/^SIG/, ''));
    channel.end();
  };
  const tellGone = askToRun(
    { ...visitor, command },
    {
      say: (text) => void channel.stderr.write(text),
      running: (path) => {
        if (isOver) return;
        carried = carry(connection, channel, path);
        carried.catch(() => undefined);
      },
      ended: (status) => void end(status),
    },
  );
  // The client's own sockets first: rsync sees their end, and the launcher tidies up.
  const leave = (): void => {
    if (isOver) return;
    isOver = true;
    void carried?.then(
      ({ close }) => {
        close();
      },
      () => undefined,
    );
    tellGone();
  };
  channel.once('close', leave);
  connection.once('close', leave);
  channel.on('error', leave);
}
