/** How other machines on the network reach this one. */
import { networkInterfaces } from 'node:os';
import type { NetworkInterfaceInfo } from 'node:os';

export interface LanAddress {
  readonly address: string;
  /** The network it is in, `192.168.1.0/24`. */
  readonly cidr: string;
}

/**
 * The addresses a peer on the same network may use, IPv4 before IPv6. Without loopback, link-local
 * addresses (they need a zone that differs from machine to machine) and the bridges of containers
 * and virtual machines, behind which nobody else is.
 */
export function lanAddresses(): LanAddress[] {
  const found: NetworkInterfaceInfo[] = [];
  for (const [name, infos = []] of Object.entries(networkInterfaces())) {
    if (/^(?:docker|br-|virbr|lxc|lxdbr|vmnet|vboxnet|podman|cni|veth[0-9a-f]{6,})/.test(name)) {
      continue;
    }
    found.push(...infos.filter((info) => !info.internal && !isLinkLocal(info.address)));
  }
  return found
    .sort((a, b) => Number(a.family === 'IPv6') - Number(b.family === 'IPv6'))
    .map(({ address, cidr }) => ({ address, cidr: networkOf(cidr ?? address) }));
}

function isLinkLocal(address: string): boolean {
  return /^fe80:/i.test(address) || address.startsWith('169.254.');
}

/** `192.168.1.23/24` as `192.168.1.0/24`: sshd refuses a pattern with bits set behind the mask. */
export function networkOf(cidr: string): string {
  const [address = '', length = ''] = cidr.split('/');
  if (length === '') return cidr;
  const isSix = address.includes(':');
  const groups = isSix ? expandSix(address) : address.split('.').map(Number);
  const width = isSix ? 16 : 8;
  let left = Number(length);
  const masked = groups.map((group) => {
    const bits = Math.max(0, Math.min(width, left));
    left -= width;
    return group & (((1 << bits) - 1) << (width - bits));
  });
  const text = isSix ? masked.map((group) => group.toString(16)).join(':') : masked.join('.');
  return `${text}/${length}`;
}

function expandSix(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const parse = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const front = parse(head);
  if (tail === undefined) return front;
  const back = parse(tail);
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
}
