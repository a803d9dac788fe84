/**
 * Multicast DNS (RFC 6762) on one interface, over one family of addresses. By itself bonjour-service
 * speaks IPv4, and sends on whatever interface the route for multicast leads to, so each link has a
 * bonjour-service of its own with a socket of ours.
 */
import { createSocket } from 'node:dgram';
import type { Bonjour } from 'bonjour-service';
import type { LanInterface } from '../system/network.js';

interface Question {
  readonly name: string;
  readonly type: string;
}

/** A record as it was sent by anybody: `data` has to be looked at before it is used. */
export interface Answer {
  readonly name: string;
  readonly type: string;
  readonly ttl?: number;
  readonly data?: unknown;
}

export interface Packet {
  readonly type: 'query' | 'response';
  questions: readonly Question[];
  readonly answers: readonly Answer[];
  readonly additionals: readonly Answer[];
}

/** Where a packet came from; a link-local IPv6 address has its zone, as in `fe80::1%eth0`. */
export interface Sender {
  readonly address: string;
}

/** What is used of multicast-dns, on which bonjour-service is built. */
export interface Mdns {
  /** `packet` comes before `query` or `response`, with the same packet. */
  on(event: 'packet' | 'response', listener: (packet: Packet, sender: Sender) => void): void;
  on(event: 'error' | 'warning', listener: (error: Error) => void): void;
  removeListener(event: 'response', listener: (packet: Packet, sender: Sender) => void): void;
  query(
    questions: readonly Question[],
    to: Destination,
    done: (error?: Error | null) => void,
  ): void;
}

interface Destination {
  readonly address: string;
  readonly port: number;
}

export interface Link {
  readonly bonjour: Bonjour;
  readonly mdns: Mdns;
  /** Asks all on the link; gives whether the system has sent it. */
  ask(questions: readonly Question[]): Promise<boolean>;
  /** Without a goodbye for what is published. */
  close(): Promise<void>;
}

export interface LinkOptions {
  /** The port to ask from: 5353, or 0 for any, which is then answered without the whole network. */
  readonly from?: 5353 | 0;
  /** Told what the system says no to: the port, or the interface. Never about what others send. */
  readonly onFault: (error: Error) => void;
}

const mdnsPort = 5353;

/** More than a machine has; each takes a socket. */
const mostLinks = 32;

/** One link for each interface and family of addresses that it has. Nothing that fails on one is thrown. */
export async function openLinks(
  interfaces: readonly LanInterface[],
  options: LinkOptions,
): Promise<Link[]> {
  const wanted = interfaces.flatMap(({ name, addresses }) => [
    ...addresses
      .filter(({ family }) => family === 'IPv4')
      .slice(0, 1)
      .map(({ address }) => ({
        ...{ type: 'udp4' as const, ip: '224.0.0.251' },
        // multicast-dns would bind to the interface's address, where Linux delivers no multicast.
        ...{ bind: '0.0.0.0', interface: address },
      })),
    ...addresses
      .filter(({ family }) => family === 'IPv6')
      .slice(0, 1)
      .map(() => ({
        ...{ type: 'udp6' as const, ip: 'ff02::fb' },
        ...{ bind: '::', interface: `::%${name}` },
      })),
  ]);
  if (wanted.length === 0) return [];
  const { Bonjour: Service } = await import('bonjour-service');
  return wanted.slice(0, mostLinks).map((where) => openLink(Service, where, options));
}

interface Where {
  readonly type: 'udp4' | 'udp6';
  readonly ip: string;
  readonly bind: string;
  readonly interface: string;
}

function openLink(
  Service: typeof Bonjour,
  where: Where,
  { from = mdnsPort, onFault }: LinkOptions,
): Link {
  const { type } = where;
  const socket = createSocket({ type, reuseAddr: true, ipv6Only: type === 'udp6' });
  const bonjour = new Service({ ...where, socket, port: from } as object, onFault);
  // What it has made for itself is nowhere else to be had, and without a listener its errors would
  // end this process. For this the package is pinned to one version.
  const { mdns } = (bonjour as unknown as { readonly server: { readonly mdns: Mdns } }).server;
  mdns.on('error', onFault);
  mdns.on('warning', (warning) => {
    // Packets that cannot be read are warnings as well, and anybody may send some.
    if ('syscall' in warning) onFault(warning);
  });
  return {
    bonjour,
    mdns,
    ask: (questions) =>
      new Promise((resolve) => {
        mdns.query(questions, { address: where.ip, port: mdnsPort }, (error) => {
          resolve(!(error instanceof Error));
        });
      }),
    close: () => closed(bonjour),
  };
}

async function closed(bonjour: Bonjour): Promise<void> {
  await new Promise<void>((resolve) => {
    try {
      bonjour.destroy(resolve);
    } catch {
      // The socket has gone already.
      resolve();
    }
  });
}
