/** `from=` of a line, judged by us: `pysync serve` has no sshd in front of it (sshd(8), ssh_config(5) PATTERNS). */
import { BlockList, isIP } from 'node:net';

/**
 * Whether a client at `address` may come in. Addresses, networks and patterns of addresses are known;
 * a host name fits nobody, since it would have to be looked up.
 */
export function isLetInFrom(patterns: readonly string[], address: string): boolean {
  if (patterns.length === 0) return true;
  const [plain = ''] = address.split('%');
  let isIn = false;
  for (const pattern of patterns) {
    const isNegated = pattern.startsWith('!');
    if (!fits(isNegated ? pattern.slice(1) : pattern, plain)) continue;
    if (isNegated) return false;
    isIn = true;
  }
  return isIn;
}

function fits(pattern: string, address: string): boolean {
  const [network = '', length] = pattern.split('/');
  if (isIP(network) === 0) return length === undefined && fitsByWildcards(pattern, address);
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(address) !== isIP(network)) return false;
  const list = new BlockList();
  try {
    if (length === undefined) list.addAddress(network, family);
    else list.addSubnet(network, Number(length), family);
  } catch {
    return false;
  }
  return list.check(address, family);
}

function fitsByWildcards(pattern: string, address: string): boolean {
  const escaped = pattern.replaceAll(/[^A-Za-z0-9*?]/g, '\\$&');
  const expression = escaped.replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${expression}$`, 'i').test(address);
}
