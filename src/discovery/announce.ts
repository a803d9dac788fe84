/**
 * Being found by `pysync find`: a service of type _pysync._tcp, published with bonjour-service.
 *
 * No name of another machine is ever claimed. The service points to a host name made up for it, with
 * an address record for each of this machine's addresses: the machine's own name is left to whoever
 * publishes that, since bonjour-service claims without asking, and avahi on the machine that holds
 * the name then renames itself. The service's name is asked for first (RFC 6762, section 8.1).
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { errnoOf } from '../errors.js';
import { lanInterfaces } from '../system/network.js';
import type { LanInterface } from '../system/network.js';
import { openLinks } from './link.js';
import type { Link, Mdns, Packet } from './link.js';
import { describeReceiver, serviceName, serviceType } from './receiver.js';

export interface Announcement {
  /** The port at which the receiver's ssh server answers. */
  readonly port: number;
  /** The account's name. */
  readonly user: string;
  /** `SHA256:…` of the host key. */
  readonly fingerprint: string;
  /** Told once, in one sentence, when this machine cannot be found, or not on all of its networks. */
  readonly onProblem: (sentence: string) => void;
}

export interface Announced {
  /** What it is found as, such as `anna on laptop`; a number is added where that name is taken. */
  readonly name: string;
  /** Says goodbye, so that nobody finds this machine any more. */
  stop(): Promise<void>;
}

/** Milliseconds between two looks at the interfaces: a laptop changes from network to network. */
const pause = 5000;

/** Milliseconds for a goodbye to be handed to the system. */
const goodbyeLimit = 500;

/** How many names are tried; after that somebody is playing games, and the name does not matter. */
const mostNames = 9;

/** Begins to announce, and returns at once; it is found about a second later. Never throws. */
export function announce(announcement: Announcement): Announced {
  const stopping = new AbortController();
  const first = instanceName(announcement.user, 1);
  let current: Publication | undefined;
  const follow = async (): Promise<void> => {
    let seen = '';
    while (!stopping.signal.aborted) {
      const interfaces = lanInterfaces();
      const shape = JSON.stringify(interfaces);
      if (shape !== seen) {
        seen = shape;
        await current?.end();
        current = await publish(announcement, interfaces, onFault, stopping.signal);
      }
      await waitOrStop(pause, stopping.signal);
    }
    await current?.end();
  };
  let isTold = false;
  const onFault = (error: unknown): void => {
    if (isTold) return;
    isTold = true;
    announcement.onProblem(problemOf(error));
  };
  const done = follow().catch(onFault);
  return {
    get name() {
      return current?.name ?? first;
    },
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
}

function problemOf(error: unknown): string {
  const code = errnoOf(error);
  if (code === 'EADDRINUSE' || code === 'EACCES') {
    return (
      'pysync find does not show this machine, since UDP port 5353 cannot be used ' +
      `(${code}); a program that shares it with nobody may have it`
    );
  }
  const reason = error instanceof Error ? error.message : String(error);
  return `pysync find may not show this machine on all of its networks (${reason})`;
}

interface Publication {
  readonly name: string;
  end(): Promise<void>;
}

/** Publishes on all links under the first name that is free on all of them. */
async function publish(
  { port, user, fingerprint }: Announcement,
  interfaces: readonly LanInterface[],
  onFault: (error: unknown) => void,
  signal: AbortSignal,
): Promise<Publication> {
  const links = await openLinks(interfaces, { onFault });
  // As long as a name may be asked for, and random: no other machine has it.
  const host = `${serviceType}-${randomBytes(10).toString('hex')}.local`;
  let number = 1;
  while (number < mostNames && (await isTaken(instanceName(user, number), links, signal))) number++;
  const name = instanceName(user, number);
  if (!signal.aborted) {
    const txt = describeReceiver(user, fingerprint);
    for (const { mdns, bonjour } of links) {
      limitAnswers(mdns, [fullName(name), host]);
      // Its own `probe` is not used: where the name is taken, that says goodbye in the other's name.
      bonjour.publish({ name, type: serviceType, port, host, txt, probe: false });
    }
  }
  return {
    name,
    end: async () => {
      await Promise.all(links.map(sayGoodbye));
      await Promise.all(links.map((link) => link.close()));
    },
  };
}

async function sayGoodbye({ bonjour }: Link): Promise<void> {
  const said = new Promise<void>((resolve) => {
    bonjour.unpublishAll(() => {
      resolve();
    });
  });
  await Promise.race([said, wait(goodbyeLimit, undefined, { ref: false })]);
}

/**
 * How often it is tried to ask three times. An IPv6 address that has just come up cannot be sent from
 * for a second or two (RFC 4862, section 5.4).
 */
const mostTries = 12;

/** Whether another receiver has the name: asks three times, a quarter of a second apart. */
async function isTaken(
  name: string,
  links: readonly Link[],
  signal: AbortSignal,
): Promise<boolean> {
  const service = fullName(name).toLowerCase();
  const answered = new AbortController();
  const listen = ({ answers, additionals }: Packet): void => {
    const isHeld = [...answers, ...additionals].some(
      (record) =>
        record.type === 'SRV' && record.ttl !== 0 && record.name.toLowerCase() === service,
    );
    if (isHeld) answered.abort();
  };
  for (const { mdns } of links) mdns.on('response', listen);
  const enough = AbortSignal.any([answered.signal, signal]);
  const question = { name: fullName(name), type: 'ANY' };
  let asked = 0;
  for (let tries = 0; asked < 3 && tries < mostTries && !enough.aborted; tries++) {
    const sent = await Promise.all(links.map((link) => link.ask([question])));
    if (sent.every(Boolean)) asked += 1;
    await waitOrStop(250, enough);
  }
  for (const { mdns } of links) mdns.removeListener('response', listen);
  return answered.signal.aborted;
}

/** Questions that are answered in a second on a link; more are a flood, which need not be doubled. */
const answersPerSecond = 20;

/**
 * Takes questions about anything but `names` out of what bonjour-service gets to see, and what is too
 * much: it would answer each of them with a packet to the whole network, thousands for one.
 */
function limitAnswers(mdns: Mdns, names: readonly string[]): void {
  const ours = [serviceName, '_services._dns-sd._udp.local', ...names].map((each) =>
    each.toLowerCase(),
  );
  let second = 0;
  let left = 0;
  mdns.on('packet', (packet) => {
    if (packet.type !== 'query') return;
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) [second, left] = [now, answersPerSecond];
    packet.questions = packet.questions
      .filter(({ name }) => ours.includes(name.toLowerCase()))
      .slice(0, left);
    left -= packet.questions.length;
  });
}

/** `anna on laptop`, as one label of a name: 63 bytes (RFC 1035), without what DNS or a terminal acts on. */
export function instanceName(user: string, number: number): string {
  const [machine = ''] = hostname().split('.');
  const end = number === 1 ? '' : ` (${number})`;
  const plain = `${user} on ${machine}`.replaceAll(/[^\p{L}\p{N} _@+-]/gu, '-');
  let name = plain;
  while (Buffer.byteLength(name + end) > 63) name = Array.from(name).slice(0, -1).join('');
  return name.trimEnd() + end;
}

function fullName(name: string): string {
  return `${name}.${serviceName}`;
}

async function waitOrStop(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(milliseconds, undefined, { signal });
  } catch {
    // Stopped.
  }
}
