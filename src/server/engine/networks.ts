/** From where clients are answered. */
import { BlockList, isIP } from 'node:net';

let networks: BlockList | undefined = new BlockList();

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** As `192.168.1.0/24`; none: from anywhere. */
export function setNetworks(all: readonly string[]): void {
  const list = new BlockList();
  for (const network of all) {
    const [address = '', length = ''] = network.split('/');
    list.addSubnet(address, Number(length), familyOf(address));
  }
  networks = all.length === 0 ? undefined : list;
}

export function isOurs(address: string): boolean {
  const [plain = ''] = address.split('%');
  return networks === undefined || (isIP(plain) !== 0 && networks.check(plain, familyOf(plain)));
}
