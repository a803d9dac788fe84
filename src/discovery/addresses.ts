/** Which of the addresses that somebody on the network names are worth a try from here. */
import { BlockList, isIP } from 'node:net';
import { isLinkLocal } from '../system/network.js';
import type { LanInterface } from '../system/network.js';
import { ipaddr } from '../system/packages.js';

/** More than a machine has on one network. */
const mostAddresses = 8;

/**
 * The addresses among `claimed` that can be reached on the link `sender` is on, IPv4 first and those
 * that need a zone (`fe80::1%eth0`) last. A receiver names all it has, also those of its containers,
 * and a liar any address of the world. Where none is on the link, as behind a reflector, the private
 * ones are left. Empty for a sender on no link of this machine (RFC 6762, section 11).
 */
export function usableAddresses(
  claimed: readonly string[],
  sender: string,
  interfaces: readonly LanInterface[],
): string[] {
  const heardOn = interfaceOf(sender, interfaces);
  if (heardOn === undefined) return [];
  const valid = [...new Set(claimed.filter(isUnicast).map(canonical))];
  const near = valid.filter((address) => isOn(address, heardOn));
  const ownAddresses = interfaces.flatMap(({ addresses }) =>
    addresses.map(({ address }) => address),
  );
  const apart = valid.filter((address) => isPrivate(address) && !ownAddresses.includes(address));
  return (near.length > 0 ? near : apart)
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, mostAddresses)
    .map((address) => (rank(address) < 2 ? address : `${address}%${heardOn.name}`));
}

/** The interface behind which `address` is, by its zone or by its network. */
function interfaceOf(
  address: string,
  interfaces: readonly LanInterface[],
): LanInterface | undefined {
  const [plain = '', zone] = address.split('%');
  if (isIP(plain) === 0) return undefined;
  if (zone !== undefined) return interfaces.find(({ name }) => name === zone);
  return interfaces.find((one) => isOn(plain, one));
}

function isOn(address: string, { addresses }: LanInterface): boolean {
  const networks = new BlockList();
  for (const { address: own, cidr, family } of addresses) {
    const length = Number(cidr.split('/')[1] ?? (family === 'IPv4' ? 32 : 128));
    networks.addSubnet(own, length, family === 'IPv4' ? 'ipv4' : 'ipv6');
  }
  return networks.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

/** Whether it is the address of one machine, and not of this one alone. */
function isUnicast(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return false;
  const range = ipaddr().parse(address).range();
  return ['unicast', 'private', 'uniqueLocal', 'linkLocal', 'carrierGradeNat'].includes(range);
}

function isPrivate(address: string): boolean {
  return ['private', 'uniqueLocal'].includes(ipaddr().parse(address).range());
}

function rank(address: string): number {
  if (isIP(address) === 4) return 0;
  return isLinkLocal(address) ? 2 : 1;
}

/** The one way to write it, as the system does. */
export function canonical(address: string): string {
  return isIP(address) === 6 ? ipaddr().parse(address).toString() : address;
}
