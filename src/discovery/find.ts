/** Listening for receivers on the networks of this machine, over IPv4 and IPv6. */
import { setTimeout as wait } from 'node:timers/promises';
import { PysyncError, errnoOf } from '../errors.js';
import { lanInterfaces } from '../system/network.js';
import { openLinks } from './link.js';
import { goodbyesIn, nameOf, receiversIn, serviceName } from './receiver.js';
import type { Receiver } from './receiver.js';

export interface Found {
  /** By name. Those that say the same about themselves are one, with the addresses of all. */
  readonly receivers: readonly Receiver[];
  /** Whether there were more than anybody would read. */
  readonly isCut: boolean;
}

/** Receivers that are kept: one sender may not take the room of all others. */
const most = { fromOne: 16, inAll: 128, addresses: 8 };

/** Milliseconds after the start at which is asked: a packet may get lost, most of all in a radio network. */
const askedAt = [0, 250, 1000];

/**
 * Asks for receivers, and listens for `seconds`. Throws PysyncError `NO_NETWORK` or `NO_MDNS` where
 * that cannot be done here.
 */
export async function findReceivers(seconds: number): Promise<Found> {
  const interfaces = lanInterfaces();
  if (interfaces.length === 0) {
    throw new PysyncError('NO_NETWORK', 'this machine is in no network', {
      hints: ['connect it to the network of the receiver, and run pysync find again'],
    });
  }
  const faults: Error[] = [];
  const links = await openLinks(interfaces, { onFault: (error) => faults.push(error) });
  const heard = collector();
  for (const { mdns } of links) {
    mdns.on('response', (packet, { address }) => {
      heard.forget(goodbyesIn(packet).map(nameOf), address);
      heard.add(receiversIn(packet, address, interfaces), address);
    });
  }
  const whole = seconds * 1000;
  let now = 0;
  for (const at of askedAt.filter((each) => each < whole)) {
    await wait(at - now);
    now = at;
    for (const link of links) void link.ask([{ name: serviceName, type: 'PTR' }]);
  }
  await wait(whole - now);
  await Promise.all(links.map((link) => link.close()));
  const fault = faults.find((error) => ['EADDRINUSE', 'EACCES'].includes(errnoOf(error) ?? ''));
  if (fault !== undefined && heard.isEmpty()) throw cannotListen(fault);
  return heard.found();
}

function cannotListen(cause: Error): PysyncError {
  return new PysyncError('NO_MDNS', 'UDP port 5353, on which receivers answer, cannot be used', {
    cause,
    hints: [
      'a program that shares it with nobody may have it; to see which: sudo ss -lunp sport = :5353',
      'avahi shares it without disallow-other-stacks=yes in /etc/avahi/avahi-daemon.conf',
    ],
  });
}

interface Collector {
  add(receivers: readonly Receiver[], sender: string): void;
  forget(names: readonly string[], sender: string): void;
  isEmpty(): boolean;
  found(): Found;
}

/** Keeps what was heard within bounds. Exported for its test. */
export function collector(): Collector {
  interface Kept {
    readonly receiver: Receiver;
    readonly addresses: Set<string>;
    readonly senders: Set<string>;
  }
  const kept = new Map<string, Kept>();
  let isCut = false;

  const hasRoomFor = (sender: string): boolean =>
    kept.size < most.inAll &&
    [...kept.values()].filter(({ senders }) => senders.has(sender)).length < most.fromOne;

  const keep = (receiver: Receiver, sender: string): void => {
    const { addresses, ...same } = receiver;
    const key = JSON.stringify(same);
    let one = kept.get(key);
    if (one === undefined) {
      if (!hasRoomFor(sender)) {
        isCut = true;
        return;
      }
      one = { receiver, addresses: new Set(), senders: new Set() };
      kept.set(key, one);
    }
    if (one.senders.size < most.addresses) one.senders.add(sender);
    for (const address of addresses) {
      if (one.addresses.size < most.addresses) one.addresses.add(address);
    }
  };

  return {
    add: (receivers, sender) => {
      for (const receiver of receivers) keep(receiver, sender);
    },
    forget: (names, sender) => {
      for (const [key, { receiver, senders }] of kept) {
        if (names.includes(receiver.name) && senders.has(sender)) kept.delete(key);
      }
    },
    isEmpty: () => kept.size === 0,
    found: () => ({
      receivers: [...kept.values()]
        .map(({ receiver, addresses }) => ({ ...receiver, addresses: [...addresses] }))
        .sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name))),
      isCut,
    }),
  };
}
