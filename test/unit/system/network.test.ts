import { networkInterfaces } from 'node:os';
import type { NetworkInterfaceInfo } from 'node:os';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { lanAddresses, networkOf } from '../../../src/system/network.js';

vi.mock('node:os', { spy: true });

/** An entry as Node gives it; `cidr` is null where the mask is none. */
function entry(cidr: string, change: Partial<NetworkInterfaceInfo> = {}): NetworkInterfaceInfo {
  const [address = ''] = cidr.split('/');
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  const info = { address, cidr, family, internal: false, mac: '', netmask: '', scopeid: 0 };
  return { ...info, ...change } as NetworkInterfaceInfo;
}

beforeEach(() => {
  vi.mocked(networkInterfaces).mockReset();
});

describe('lanAddresses', () => {
  it('gives what a peer can use, IPv4 before IPv6, with the length of its network', () => {
    vi.mocked(networkInterfaces).mockReturnValue({
      lo: [entry('127.0.0.1/8', { internal: true }), entry('::1/128', { internal: true })],
      enp3s0: [entry('fd00::2/64'), entry('fe80::1/64'), entry('192.168.1.23/24')],
      wlan0: [entry('10.9.8.7/20'), entry('169.254.3.4/16')],
    });
    expect(lanAddresses()).toEqual([
      { address: '192.168.1.23', cidr: '192.168.1.23/24' },
      { address: '10.9.8.7', cidr: '10.9.8.7/20' },
      { address: 'fd00::2', cidr: 'fd00::2/64' },
    ]);
  });

  it('leaves out the bridges of containers and virtual machines', () => {
    const names = [
      'docker0',
      'br-1a2b3c',
      'virbr0',
      'vboxnet0',
      'vethc0ffee1',
      'lxdbr0',
      'podman1',
    ];
    vi.mocked(networkInterfaces).mockReturnValue(
      Object.fromEntries([...names, 'veth-lan'].map((name) => [name, [entry(`10.0.0.1/24`)]])),
    );
    expect(lanAddresses()).toHaveLength(1);
  });

  it('is empty in no network', () => {
    vi.mocked(networkInterfaces).mockReturnValue({});
    expect(lanAddresses()).toEqual([]);
  });
});

describe('networkOf', () => {
  it.each([
    ['192.168.1.23/24', '192.168.1.0/24'],
    ['192.168.1.23/32', '192.168.1.23/32'],
    ['10.255.255.255/9', '10.128.0.0/9'],
    ['172.31.200.9/0', '0.0.0.0/0'],
    ['fd12:3456:789a:1::1/48', 'fd12:3456:789a::/48'],
    ['fd12:3456:789a:ffff::1/50', 'fd12:3456:789a:c000::/50'],
    ['::1/128', '::1/128'],
    ['1:2:3:4:5:6:7:8/64', '1:2:3:4::/64'],
    ['10.1.2.3', '10.1.2.3'],
  ])('clears the bits behind the mask of %s', (cidr, network) => {
    expect(networkOf(cidr)).toBe(network);
  });
});
