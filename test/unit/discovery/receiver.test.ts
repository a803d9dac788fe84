/** What is made of packets that anybody on the network may have sent. */
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { senderCommand } from '../../../src/commands/views/reach.js';
import type { Answer, Packet } from '../../../src/discovery/link.js';
import {
  describeReceiver,
  goodbyesIn,
  receiversIn,
  serviceName,
} from '../../../src/discovery/receiver.js';
import type { LanInterface } from '../../../src/system/network.js';
import { printable } from '../../../src/system/text.js';

const interfaces: readonly LanInterface[] = [
  {
    name: 'eth0',
    addresses: [
      { address: '192.168.1.7', cidr: '192.168.1.7/24', family: 'IPv4' },
      { address: 'fe80::7', cidr: 'fe80::7/64', family: 'IPv6' },
    ],
  },
];
const sender = '192.168.1.23';
const fingerprint = `SHA256:${'Ab+/'.repeat(10)}123`;

const words = (text: Record<string, string>): Buffer[] =>
  Object.entries(text).map(([key, value]) => Buffer.from(`${key}=${value}`));

interface Claims {
  readonly name?: string;
  readonly port?: unknown;
  readonly host?: unknown;
  readonly txt?: unknown;
  readonly address?: unknown;
}

function packetOf(claims: Claims = {}, ttl = 120): Packet {
  const { name = 'anna on laptop', port = 2222, host = 'pysync-1a2b.local' } = claims;
  const { txt = words(describeReceiver('anna', fingerprint)), address = sender } = claims;
  const service = `${name}.${serviceName}`;
  const answers: Answer[] = [
    { name: serviceName, type: 'PTR', ttl, data: service },
    { name: service, type: 'SRV', ttl, data: { port, target: host } },
    { name: service, type: 'TXT', ttl, data: txt },
    // Names of records are texts, whatever they point to.
    { name: typeof host === 'string' ? host : 'x.local', type: 'A', ttl, data: address },
  ];
  return { type: 'response', questions: [], answers, additionals: [] };
}

const read = (claims: Claims): ReturnType<typeof receiversIn> =>
  receiversIn(packetOf(claims), sender, interfaces);

describe('receiversIn', () => {
  it('reads back what a receiver announces', () => {
    expect(read({})).toEqual([
      {
        ...{ name: 'anna on laptop', host: 'pysync-1a2b.local', port: 2222, user: 'anna' },
        ...{ addresses: [sender], fingerprint },
      },
    ]);
  });

  it('takes records from both parts of a packet, and names in any case', () => {
    const { answers } = packetOf({ name: 'Anna' });
    const [first, ...others] = answers.map((each) => ({ ...each, name: each.name.toUpperCase() }));
    const packet: Packet = {
      ...{ type: 'response', questions: [] },
      ...{ answers: first === undefined ? [] : [first], additionals: others },
    };
    expect(receiversIn(packet, sender, interfaces)).toMatchObject([{ name: 'Anna' }]);
  });

  it.each<[string, Claims]>([
    ['port 0', { port: 0 }],
    ['port 65536', { port: 65_536 }],
    ['half a port', { port: 22.5 }],
    ['a port in words', { port: '22' }],
    ['a host with a command in it', { host: '$(reboot).local' }],
    ['a host with an option in it', { host: '-oProxyCommand=x.local' }],
    ['a host in another domain', { host: 'example.org' }],
    ['a host without a name', { host: '.local' }],
    ['a host that is too long', { host: `${'a.'.repeat(200)}local` }],
    ['a host that is a number', { host: 7 }],
    ['no text', { txt: [] }],
    ['text of another kind', { txt: 'v=1' }],
    ['another version', { txt: words({ v: '2', fp: fingerprint }) }],
    ['no fingerprint', { txt: words({ v: '1', user: 'anna' }) }],
    ['a fingerprint that is too short', { txt: words({ v: '1', fp: 'SHA256:abc' }) }],
    ['a fingerprint of another kind', { txt: words({ v: '1', fp: `MD5:${'a'.repeat(43)}` }) }],
    ['a fingerprint and more', { txt: words({ v: '1', fp: `${fingerprint}\n` }) }],
    ['a user with a command in it', { txt: words({ v: '1', fp: fingerprint, user: '`id`' }) }],
    ['a user with an option in it', { txt: words({ v: '1', fp: fingerprint, user: '-oX=y' }) }],
    ['a user with a host in it', { txt: words({ v: '1', fp: fingerprint, user: 'a@b' }) }],
    ['a user with a line break', { txt: words({ v: '1', fp: fingerprint, user: 'anna\n' }) }],
    ['an address elsewhere', { address: '8.8.8.8' }],
    ['this machine itself as address', { address: '127.0.0.1' }],
    ['everybody as address', { address: '224.0.0.251' }],
    ['an address with a command in it', { address: '192.168.1.23;id' }],
    ['an address with a zone', { address: 'fe80::1%eth0' }],
    ['no name', { name: '' }],
    ['a name of blanks', { name: ' \u00a0\u2800\n' }],
  ])('leaves out %s', (_what, claims) => {
    expect(read({})).toHaveLength(1);
    expect(read(claims)).toEqual([]);
  });

  it('takes the blanks from a name with which it would look like a line of the output', () => {
    const name = `\u2800 \u00a0   ${fingerprint}\n\n    x`;
    expect(read({ name })).toMatchObject([{ name: `${fingerprint} x` }]);
  });

  it('takes a receiver without a user, and names none whom a command could not', () => {
    expect(describeReceiver('DOMAIN\\anna', fingerprint)).toEqual({ v: '1', fp: fingerprint });
    const packet = packetOf({ txt: words({ v: '1', fp: fingerprint }) });
    const commands = receiversIn(packet, sender, interfaces).map((receiver) =>
      senderCommand(receiver, sender, 'read-write'),
    );
    expect(commands).toEqual(["rsync -avP -e 'ssh -p 2222' FILE 192.168.1.23:"]);
  });

  it('counts the first of two words with the same key', () => {
    const txt = [
      ...words({ v: '1', fp: fingerprint, user: 'anna' }),
      ...words({ USER: 'mallory' }),
    ];
    expect(read({ txt })).toMatchObject([{ user: 'anna' }]);
  });

  it('takes no address from the record of another host', () => {
    const packet = packetOf();
    const answers = [
      ...packet.answers,
      { name: 'other.local', type: 'A', ttl: 120, data: '192.168.1.99' },
    ];
    const [receiver] = receiversIn({ ...packet, answers }, sender, interfaces);
    expect(receiver?.addresses).toEqual([sender]);
  });

  it('takes 16 services of a packet, 63 characters of a name, and 8 addresses', () => {
    const many = Array.from({ length: 500 }, (_, i) =>
      packetOf({ name: `${i}${'x'.repeat(200)}` }),
    );
    const answers = [
      ...many.flatMap((packet) => packet.answers),
      ...Array.from({ length: 200 }, (_, i) => ({
        ...{ name: 'pysync-1a2b.local', type: 'A', ttl: 9, data: `192.168.1.${i}` },
      })),
    ];
    const found = receiversIn({ ...packetOf(), answers }, sender, interfaces);
    expect(found).toHaveLength(16);
    expect(found.every(({ name }) => name.length === 63)).toBe(true);
    expect(found.every(({ addresses }) => addresses.length === 8)).toBe(true);
  });

  it('takes nothing from questions, and nothing that says goodbye', () => {
    expect(receiversIn({ ...packetOf(), type: 'query' }, sender, interfaces)).toEqual([]);
    expect(receiversIn(packetOf({}, 0), sender, interfaces)).toEqual([]);
    expect(goodbyesIn(packetOf({}, 0))).toEqual([`anna on laptop.${serviceName}`]);
    expect(goodbyesIn(packetOf())).toEqual([]);
  });

  const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.anything());
  const orAnything = (...usual: unknown[]): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...usual) }, anything);
  const hostileText = fc
    .array(
      fc.oneof(
        fc.constantFrom(...words({ v: '1', fp: fingerprint, user: 'anna' })),
        fc.string({ unit: 'binary' }).map((text) => Buffer.from(`user=${text}`)),
        fc.uint8Array({ maxLength: 255 }).map((bytes) => Buffer.from(bytes)),
      ),
    )
    .chain((more) => fc.constantFrom(more, [...words({ v: '1', fp: fingerprint }), ...more]));
  const claims = fc.record({
    name: fc.string({ unit: 'binary', maxLength: 250 }),
    port: orAnything(22, 2222),
    host: orAnything('laptop.local', 'a.b.local'),
    txt: fc.oneof(hostileText, anything),
    address: orAnything('192.168.1.23', 'fe80::23'),
  });

  it('gives, whatever is sent, only what can be shown and pasted, or nothing', () => {
    let taken = 0;
    fc.assert(
      fc.property(claims, (claimed) => {
        for (const receiver of read(claimed)) {
          taken += 1;
          expect(Array.from(receiver.name).length).toBeLessThanOrEqual(63);
          expect(receiver.fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
          for (const address of receiver.addresses) {
            expect(isIP(address.replace(/%eth0$/, ''))).not.toBe(0);
            const command = senderCommand(receiver, address, 'read-write');
            expect(printable(command)).toBe(command);
            expect(command).toMatch(
              /^rsync -avP (-e 'ssh -p \d+' )?FILE (([\w.-]+@)?[\d.]+:|'([\w.-]+@)?\[[\da-f:]+(%eth0)?\]:')$/,
            );
          }
        }
      }),
      { numRuns: 3000 },
    );
    // Else it would have proved nothing.
    expect(taken).toBeGreaterThan(50);
  });
});
