/**
 * What a receiver announces about itself, and reading it back. Pure.
 *
 * SECURITY: anybody on the network can send such a packet. What does not have the form of its kind
 * is left out here, and nothing that is long or many gets any further; the name alone is free text,
 * for `printable`. test/unit/discovery/receiver.test.ts holds this.
 */
import type { LanInterface } from '../system/network.js';
import { usableAddresses } from './addresses.js';
import type { Answer, Packet } from './link.js';

/** Somebody who says that they receive. */
export interface Receiver {
  /** As they call themselves, such as `anna on laptop`: any text of up to 63 characters. */
  readonly name: string;
  readonly host: string;
  /** At least one, the best first; link-local ones have the zone they have here. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** The account to name to ssh. */
  readonly user: string | undefined;
  /** Of the host key. */
  readonly fingerprint: string;
}

/** The service's type, without the underscores and the protocol that go with it (RFC 6763). */
export const serviceType = 'pysync';
export const serviceName = `_${serviceType}._tcp.local`;

/** The names of services in one packet that are looked at. */
const mostServices = 16;

/** What of a name is read: as much as fits into one label (RFC 1035). */
const longestName = 63;

/** What goes beside the address, as a TXT record's words. A user that no command could name is left out. */
export function describeReceiver(user: string, fingerprint: string): Record<string, string> {
  return { v: '1', ...(isUser(user) ? { user } : {}), fp: fingerprint };
}

/** The receivers in a packet that came from `sender`, as far as a machine with `interfaces` can use them. */
export function receiversIn(
  packet: Packet,
  sender: string,
  interfaces: readonly LanInterface[],
): Receiver[] {
  if (packet.type !== 'response') return [];
  const records = [...packet.answers, ...packet.additionals].filter(({ ttl = 0 }) => ttl > 0);
  const byName = new Map<string, Answer[]>();
  for (const record of records) {
    const name = record.name.toLowerCase();
    const others = byName.get(name);
    if (others === undefined) byName.set(name, [record]);
    else others.push(record);
  }
  return servicesIn(byName.get(serviceName) ?? []).flatMap((service) => {
    const about = byName.get(service.toLowerCase()) ?? [];
    const server = serverIn(about);
    const text = textIn(about);
    if (server === undefined || text === undefined) return [];
    const claimed = (byName.get(server.host.toLowerCase()) ?? []).flatMap(addressIn);
    const addresses = usableAddresses(claimed, sender, interfaces);
    const name = nameOf(service);
    return name === '' || addresses.length === 0 ? [] : [{ name, addresses, ...server, ...text }];
  });
}

/** The full names of services that say goodbye. */
export function goodbyesIn(packet: Packet): string[] {
  return servicesIn(packet.answers.filter(({ ttl, name }) => ttl === 0 && isServiceName(name)));
}

/**
 * The name of a service without its type. Blanks in front or in rows go: with them a name could look
 * like the lines that are printed below names.
 */
export function nameOf(service: string): string {
  const name = service.slice(0, -serviceName.length - 1).replaceAll(/[\s\u2800]+/gu, ' ');
  return Array.from(name.trim()).slice(0, longestName).join('');
}

function isServiceName(name: string): boolean {
  return name.toLowerCase() === serviceName;
}

function servicesIn(records: readonly Answer[]): string[] {
  const names = records.flatMap(({ type, data }) =>
    type === 'PTR' && typeof data === 'string' ? [data] : [],
  );
  return [...new Set(names)]
    .filter((name) => name.toLowerCase().endsWith(`.${serviceName}`))
    .slice(0, mostServices);
}

function serverIn(records: readonly Answer[]): { host: string; port: number } | undefined {
  const data = records.find(({ type }) => type === 'SRV')?.data;
  if (typeof data !== 'object' || data === null || !('target' in data) || !('port' in data)) {
    return undefined;
  }
  const { target, port } = data;
  if (typeof target !== 'string' || target.length > 253 || !isHostName(target)) return undefined;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    return undefined;
  }
  return { host: target, port };
}

/** Whether it is a name that multicast DNS can know, and a shell takes for nothing else. */
export function isHostName(name: string): boolean {
  return /^(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.){1,8}local$/i.test(name);
}

function textIn(
  records: readonly Answer[],
): { user: string | undefined; fingerprint: string } | undefined {
  const data = records.find(({ type }) => type === 'TXT')?.data;
  if (!Array.isArray(data)) return undefined;
  const words = new Map<string, string>();
  for (const word of data.slice(0, 16) as unknown[]) {
    if (typeof word !== 'string' && !Buffer.isBuffer(word)) continue;
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(word.toString()) ?? [];
    // Of two with the same key the first counts (RFC 6763, section 6.4).
    if (!words.has(key.toLowerCase())) words.set(key.toLowerCase(), value);
  }
  const user = words.get('user');
  const fingerprint = words.get('fp') ?? '';
  if (words.get('v') !== '1' || !/^SHA256:[A-Za-z0-9+/]{43}$/.test(fingerprint)) return undefined;
  if (user !== undefined && !isUser(user)) return undefined;
  return { user, fingerprint };
}

/** Whether it can be named to rsync and ssh in `user@host:`. */
function isUser(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/.test(name);
}

function addressIn({ type, data }: Answer): string[] {
  return (type === 'A' || type === 'AAAA') && typeof data === 'string' ? [data] : [];
}
