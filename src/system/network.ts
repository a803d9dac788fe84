/** How other machines on the network reach this one. */
import { networkInterfaces } from 'node:os';
import type { NetworkInterfaceInfo } from 'node:os';
import { ipaddr } from './packages.js';

export interface LanAddress {
  readonly address: string;
  /** With the length of its network, `192.168.1.23/24`, or without where that is not known. */
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
    .map(({ address, cidr }) => ({ address, cidr: cidr ?? address }));
}

function isLinkLocal(address: string): boolean {
  return /^fe80:/i.test(address) || address.startsWith('169.254.');
}

/** `192.168.1.23/24` as `192.168.1.0/24`: sshd refuses a pattern with bits set behind the mask. */
export function networkOf(cidr: string): string {
  const [address = '', length = ''] = cidr.split('/');
  if (length === '') return cidr;
  const { IPv4, IPv6 } = ipaddr();
  const kind = IPv4.isValid(address) ? IPv4 : IPv6;
  return `${kind.networkAddressFromCIDR(cidr).toString()}/${length}`;
}

/** The networks that this machine is in. */
export function lanNetworks(): string[] {
  return lanAddresses().map(({ cidr }) => networkOf(cidr));
}

/** The networks of all of this machine's interfaces, those that lanAddresses() leaves out as well. */
export function ownNetworks(): string[] {
  const infos = Object.values(networkInterfaces()).flatMap((each = []) => each);
  const networks = infos.flatMap(({ cidr }) => (cidr === null ? [] : [networkOf(cidr)]));
  return [...new Set(['127.0.0.0/8', '::1/128', ...networks])];
}
