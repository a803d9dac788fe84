import { describe, expect, it } from 'vitest';
import { usableAddresses } from '../../../src/discovery/addresses.js';
import type { LanInterface } from '../../../src/system/network.js';

function lan(name: string, ...cidrs: string[]): LanInterface {
  const addresses = cidrs.map((cidr) => ({
    ...{ address: cidr.replace(/\/.*/, ''), cidr },
    family: cidr.includes(':') ? ('IPv6' as const) : ('IPv4' as const),
  }));
  return { name, addresses };
}

const interfaces = [
  lan('eth0', '192.168.1.7/24', 'fd00:1::7/64', 'fe80::7/64'),
  lan('wlan0', '10.0.5.7/16', 'fe80::8/64'),
];
const usable = (claimed: string[], sender: string): string[] =>
  usableAddresses(claimed, sender, interfaces);

describe('usableAddresses', () => {
  it('gives what is on the link that the packet came from, those with a zone last', () => {
    const claimed = ['fe80::23', '172.17.0.1', 'fd00:1::23', '10.0.5.23', '192.168.1.23'];
    expect(usable(claimed, '192.168.1.23')).toEqual([
      '192.168.1.23',
      'fd00:1::23',
      'fe80::23%eth0',
    ]);
    expect(usable(claimed, 'fe80::23%wlan0')).toEqual(['10.0.5.23', 'fe80::23%wlan0']);
  });

  it('has the zone of this machine, whatever the receiver calls its interface', () => {
    expect(usable(['fe80::23%lo', 'fe80::24'], 'fe80::23%eth0')).toEqual(['fe80::24%eth0']);
  });

  it('gives private addresses of another network where none is on the link', () => {
    const claimed = ['8.8.8.8', '172.20.0.5', '10.0.5.7', '2001:db8::1', 'fd00:2::5', 'fe80::5'];
    const without = [lan('eth0', '192.168.1.7/24'), lan('wlan0', '10.0.5.7/16')];
    expect(usableAddresses(claimed, '192.168.1.23', without)).toEqual(['172.20.0.5', 'fd00:2::5']);
  });

  it.each(['8.8.8.8', '192.168.2.1', 'fe80::1%eth7', '127.0.0.1', 'nonsense', ''])(
    'takes nothing from %j, which is on no link of this machine',
    (sender) => {
      expect(usable(['192.168.1.23'], sender)).toEqual([]);
    },
  );

  it.each([
    '0.0.0.0',
    '127.0.0.1',
    '224.0.0.251',
    '255.255.255.255',
    '8.8.8.8',
    '::',
    '::1',
    'ff02::fb',
    '::ffff:192.168.1.23',
    '192.168.1.023',
    '192.168.1',
    '3232235799',
    '192.168.1.23 -oX=y',
  ])('never gives %j', (address) => {
    expect(usable([address], '192.168.1.23')).toEqual([]);
  });

  it('gives each once, however it is written, and not more than eight', () => {
    expect(usable(['fd00:1::23', 'FD00:1:0::0023'], '192.168.1.23')).toEqual(['fd00:1::23']);
    const many = Array.from({ length: 100 }, (_, i) => `192.168.1.${i + 1}`);
    expect(usable(many, '192.168.1.23')).toHaveLength(8);
  });
});
