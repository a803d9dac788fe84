/** How other machines on the network reach this one. */
import { networkInterfaces } from 'node:os';
import type { NetworkInterfaceInfo } from 'node:os';
import { ipaddr } from './packages.js';

export interface LanAddress {
  readonly address: string;
  /** With the length of its network, `192.168.1.23/24`, or without where that is not known. */
  readonly cidr: string;
}

export interface LanInterface {
  readonly name: string;
  /** All it has, link-local ones as well. */
  readonly addresses: readonly (LanAddress & { readonly family: 'IPv4' | 'IPv6' })[];
}

/**
 * The interfaces behind which other machines may be: without loopback, and without the bridges of
 * containers and virtual machines.
 */
export function lanInterfaces(): LanInterface[] {
  const isBridge = /^(?:docker|br-|virbr|lxc|lxdbr|vmnet|vboxnet|podman|cni|veth[0-9a-f]{6,})/;
  return Object.entries(networkInterfaces())
    .filter(([name]) => !isBridge.test(name))
    .map(([name, infos = []]) => ({ name, addresses: infos.filter(isOutward).map(described) }))
    .filter(({ addresses }) => addresses.length > 0);
}

function isOutward({ internal }: NetworkInterfaceInfo): boolean {
  return !internal;
}

function described(info: NetworkInterfaceInfo): LanInterface['addresses'][number] {
  const { address, cidr, family } = info;
  return { address, cidr: cidr ?? address, family };
}

/**
 * The addresses a peer on the same network may use, IPv4 before IPv6; without link-local addresses,
 * which need a zone that differs from machine to machine.
 */
export function lanAddresses(): LanAddress[] {
  return lanInterfaces()
    .flatMap(({ addresses }) => addresses)
    .filter(({ address }) => !isLinkLocal(address))
    .sort((a, b) => Number(a.family === 'IPv6') - Number(b.family === 'IPv6'))
    .map(({ address, cidr }) => ({ address, cidr }));
}

/** Whether only machines on the same link can use it. */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address) || address.startsWith('169.254.');
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
