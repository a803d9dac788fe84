/**
 * Connections that have not logged in. There is room for some; where there is none, one that has come
 * less far makes place for a newer one, so that a flood of them does not keep a good client out.
 */
import type { Socket } from 'node:net';
import { loginMs, strangers, strangersFromOne } from './limits.js';

/** How far a client has come: its greeting was read, keys were exchanged. */
export type Stage = 'connected' | 'greeted' | 'encrypted';

interface Stranger {
  readonly socket: Socket;
  readonly address: string;
  readonly timer: NodeJS.Timeout;
  stage: Stage;
}

const stages: readonly Stage[] = ['connected', 'greeted', 'encrypted'];

export class Strangers {
  readonly #all = new Map<Socket, Stranger>();

  /** Lets `socket` in for as long as a login may take. */
  add(socket: Socket, address: string): void {
    const here = [...this.#all.values()].filter((other) => other.address === address);
    if (here.length >= strangersFromOne) dropOneOf(here);
    else if (this.#all.size >= strangers) dropOneOf([...this.#all.values()]);
    const timer = setTimeout(() => socket.destroy(), loginMs);
    this.#all.set(socket, { socket, address, timer, stage: 'connected' });
    socket.once('close', () => {
      this.remove(socket);
    });
  }

  comesTo(socket: Socket, stage: Stage): void {
    const stranger = this.#all.get(socket);
    if (stranger !== undefined) stranger.stage = stage;
  }

  has(socket: Socket): boolean {
    return this.#all.has(socket);
  }

  /** It has logged in, or is gone. */
  remove(socket: Socket): void {
    clearTimeout(this.#all.get(socket)?.timer);
    this.#all.delete(socket);
  }
}

/** The oldest of those that have come least far; a Map gives the oldest first. */
function dropOneOf(some: readonly Stranger[]): void {
  const rank = ({ stage }: Stranger): number => stages.indexOf(stage);
  const first = some.reduce<Stranger | undefined>(
    (least, one) => (least === undefined || rank(one) < rank(least) ? one : least),
    undefined,
  );
  first?.socket.destroy();
}
