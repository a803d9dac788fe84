/**
 * Connections that have not logged in, and of strangers who wait for the owner. There is room for some;
 * where there is none, an older one makes place for a newer one.
 *
 * SECURITY: which one it is decides whether a flood keeps good clients out
 * (test/attacks/serve-floods.test.ts). The flood is taken from where most is: from the address with the
 * most connections, and of these from the stage at which most have stopped. A good client is seldom
 * where the flood is, and moves on before it is the oldest there. To drop those that have come least far
 * would be wrong: a flood that says a greeting would have each newcomer dropped before it says its own.
 */
import type { Socket } from 'node:net';
import {
  graceMs,
  personMs,
  loginMs,
  strangers,
  strangersAtOnce,
  strangersFromOne,
} from './limits.js';

/**
 * How far a client has come: its greeting was read, keys were exchanged, it may ask a person for a
 * passphrase or a code, it has knocked.
 */
export type Stage = 'connected' | 'greeted' | 'encrypted' | 'typing' | 'knocking';

interface Stranger {
  readonly socket: Socket;
  readonly origin: string;
  readonly timer: NodeJS.Timeout;
  readonly stage: Stage;
}

export class Strangers {
  /** Those that have moved on last are at the end. */
  readonly #all = new Map<Socket, Stranger>();

  #isCrowded = false;

  /** Lets `socket` in for as long as a login may take. */
  add(socket: Socket, address: string): void {
    if (this.#all.size >= strangersAtOnce) this.#dropOneOf(this.#largestOrigin());
    this.#set(socket, originOf(address), 'connected', loginMs);
    socket.once('close', () => {
      this.remove(socket);
    });
    if (this.#isCrowded) return;
    this.#isCrowded = true;
    setTimeout(() => {
      this.#isCrowded = false;
      this.#thinOut();
    }, graceMs);
  }

  comesTo(socket: Socket, stage: 'greeted' | 'encrypted'): void {
    const stranger = this.#all.get(socket);
    if (stranger === undefined) return;
    this.#all.delete(socket);
    this.#all.set(socket, { ...stranger, stage });
  }

  /** It waits for a person: its own, or with `knocking` the owner. Each of them once. */
  waits(socket: Socket, stage: 'typing' | 'knocking'): void {
    const stranger = this.#all.get(socket);
    if (stranger === undefined || stranger.stage === stage) return;
    this.remove(socket);
    this.#set(socket, stranger.origin, stage, personMs);
  }

  has(socket: Socket): boolean {
    return this.#all.has(socket);
  }

  /** It has logged in, or is gone. */
  remove(socket: Socket): void {
    clearTimeout(this.#all.get(socket)?.timer);
    this.#all.delete(socket);
  }

  #thinOut(): void {
    for (;;) {
      const largest = this.#largestOrigin();
      if (largest.length <= strangersFromOne && this.#all.size <= strangers) return;
      this.#dropOneOf(largest);
    }
  }

  #largestOrigin(): readonly Stranger[] {
    return largest([...this.#all.values()], ({ origin }) => origin);
  }

  /** The one that has not moved on for longest, of the stage at which most are. */
  #dropOneOf(some: readonly Stranger[]): void {
    const [first] = largest(some, ({ stage }) => stage);
    if (first === undefined) return;
    this.remove(first.socket);
    first.socket.destroy();
  }

  #set(socket: Socket, origin: string, stage: Stage, ms: number): void {
    const timer = setTimeout(() => socket.destroy(), ms);
    this.#all.set(socket, { socket, origin, timer, stage });
  }
}

/** One machine has as many IPv6 addresses as it likes, of one network of 64 bits. */
function originOf(address: string): string {
  if (!address.includes(':')) return address;
  const [front = '', back = ''] = address.split('%')[0]?.split('::') ?? [];
  const groups = front.split(':');
  const behind = back === '' ? [] : back.split(':');
  const zeros = Array<string>(Math.max(0, 8 - groups.length - behind.length)).fill('0');
  return [...groups, ...zeros, ...behind].slice(0, 4).join(':');
}

/** Those of `all` that share what most share. */
function largest(all: readonly Stranger[], what: (one: Stranger) => string): readonly Stranger[] {
  const groups = new Map<string, Stranger[]>();
  for (const one of all) {
    const group = groups.get(what(one));
    if (group === undefined) groups.set(what(one), [one]);
    else group.push(one);
  }
  return [...groups.values()].reduce(
    (most, group) => (group.length > most.length ? group : most),
    [],
  );
}
