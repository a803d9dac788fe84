/** One session of a client that is logged in: the one command in it. */
import type { Connection, ServerChannel, Session } from 'ssh2';
import type { Client } from '../messages.js';
import { carry, drainedSoon } from './carry.js';
import type { Carried } from './carry.js';
import { askToRun } from './host.js';
import { packetSizeOf } from './internals.js';
import { takeCommandRoom } from './keys.js';
import { commandsOfKey, smallestPacket } from './limits.js';

/** Whoever has logged in, and through which addresses and ports (SSH_CONNECTION). */
export interface Visitor extends Client {
  readonly connection: string;
}

export interface Happenings {
  /** The host has let the command in. */
  readonly running: () => void;
  /** The client has closed the session, and its command has ended. */
  readonly over: () => void;
}

/** Takes the one command of a session; a shell is the empty one. All else is refused by ssh2. */
export function takeCommand(
  connection: Connection,
  session: Session,
  visitor: Visitor,
  { running, over }: Happenings,
): void {
  let ended = Promise.resolve();
  const take = (accept: () => ServerChannel, command: string): void => {
    // SECURITY: none where the session has a command already. It would run, and nobody could end it
    // (test/attacks/serve-sessions.test.ts).
    const channel = accept() as ServerChannel | undefined;
    if (channel === undefined) return;
    const giveRoom = takeCommandRoom(visitor.key);
    if (giveRoom === undefined) {
      const many = `${commandsOfKey} of your transfers run here already`;
      channel.stderr.write(`pysync: ${many}; wait until one has ended\n`);
      close(channel, 1);
      return;
    }
    ended = runCommand(connection, session, channel, { ...visitor, command }, running);
    void ended.then(giveRoom);
  };
  // SECURITY: the least that a client takes at a time is its own choice; at 0 ssh2 sends nothing, without
  // end (test/attacks/serve-memory.test.ts).
  if (packetSizeOf(session) < smallestPacket) {
    connection.end();
    return;
  }
  session.once('exec', (accept, _reject, { command }) => {
    take(accept, command);
  });
  session.once('shell', (accept) => {
    take(accept, '');
  });
  session.once('close', () => void ended.then(over));
}

/** Resolves when the host says that the command has ended. */
function runCommand(
  connection: Connection,
  session: Session,
  channel: ServerChannel,
  question: Visitor & { readonly command: string },
  admitted: () => void,
): Promise<void> {
  let carried: Promise<Carried> | undefined;
  let isOver = false;
  const end = async (status: number | string): Promise<void> => {
    const streams = await carried?.catch(() => undefined);
    if (streams !== undefined) await drainedSoon(streams);
    streams?.close();
    if (isOver) return;
    isOver = true;
    close(channel, status);
  };
  return new Promise((resolve) => {
    const tellGone = askToRun(question, {
      say: (text) => {
        if (!isOver) channel.stderr.write(text);
      },
      running: (path) => {
        if (isOver) return;
        admitted();
        carried = carry(connection, channel, path);
        carried.catch(() => undefined);
      },
      ended: (status) => {
        // It may go while its last words are sent.
        end(status).then(forget, forget);
      },
    });
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
    // SECURITY: not the channel's own `close`, for which ssh2 waits until all that came is read
    // (test/attacks/serve-sessions.test.ts).
    session.once('close', leave);
    connection.once('end', leave);
    connection.once('close', leave);
    const forget = (): void => {
      connection.off('end', leave);
      connection.off('close', leave);
      resolve();
    };
    channel.on('error', leave);
    channel.stderr.on('error', leave);
  });
}

function close(channel: ServerChannel, status: number | string): void {
  if (typeof status === 'number') channel.exit(status);
  else channel.exit(status.replace(/^SIG/, ''));
  channel.end();
  // What the client still sends.
  channel.resume();
}
