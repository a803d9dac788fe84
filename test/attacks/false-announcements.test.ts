/**
 * The attacker is on the same network, has no key, and answers whoever looks for receivers: with names,
 * users, hosts and text of its own choice, as much of it as it likes. It wants `pysync find` to print
 * what a terminal obeys, what a shell runs when it is pasted, or so much that nobody finds anybody
 * else. What it may do is what its name says: announce itself, under any name.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { mustExec } from '../helpers/exec.js';
import { found, pysyncFind, waitUntilFound } from '../helpers/found.js';
import { createHosts } from '../helpers/hosts.js';
import type { Hosts } from '../helpers/hosts.js';
import { startAnnouncer, startSending } from '../helpers/mdns.js';
import type { Announcer } from '../helpers/mdns.js';
import { announcementPacket } from '../helpers/mdns-packet.js';
import type { Claims } from '../helpers/mdns-packet.js';

const fingerprint = `SHA256:${'Anna'.repeat(10)}123`;
const falseFingerprint = `SHA256:${'Evil'.repeat(10)}123`;
const good = ['v=1', 'user=mallory', `fp=${falseFingerprint}`];

let hosts: Hosts;
let anna: Announcer;
/** The attacker's, beside the honest receiver. */
let address: string;
let attack: { stop(): Promise<void> } | undefined;

beforeAll(async () => {
  hosts = await createHosts();
  const { netns, address: honest } = hosts.receiver;
  address = honest.replace(/\d+$/, '66');
  await mustExec(['ip', '-netns', netns, 'address', 'add', `${address}/24`, 'dev', 'eth0']);
  anna = await startAnnouncer(hosts.receiver, { port: 2222, user: 'anna', fingerprint });
  await waitUntilFound(hosts.sender, 'anna on laptop');
});

afterEach(async () => {
  await attack?.stop();
});

afterAll(async () => {
  await anna.stop();
  await hosts.remove();
});

async function send(claims: readonly Partial<Claims>[]): Promise<void> {
  const usual = { name: 'mallory', address, words: good };
  const packets = claims.map((each) => announcementPacket({ ...usual, ...each }));
  attack = await startSending(hosts.receiver, packets, address);
}

/** Control, format and separator characters, but for the newline at the end of each line. */
const obeyed = /[^\P{C}\n]|\p{Zl}|\p{Zp}/u;

test('what a terminal would obey is shown harmlessly, and no name looks like another line', async () => {
  const names = [
    '\u001b[2J\u001b]0;pwned\u0007',
    'anna\u202egnp',
    'anna on laptop\n    rsync -avP FILE evil:',
    '    rsync -avP FILE mallory@10.0.0.66:',
  ];
  await send([...names.map((name) => ({ name })), { name: Buffer.from('ff00fe0a', 'hex') }]);
  await waitUntilFound(hosts.sender, 'anna on laptop rsync -avP FILE evil:');
  const { stdout, stderr } = await pysyncFind(hosts.sender);
  expect(stdout + stderr).not.toMatch(obeyed);
  expect(stdout).toContain('\\u001b[2J\\u001b]0;pwned\\u0007');
  const commands = stdout.split('\n').filter((line) => line.startsWith('    rsync'));
  expect(commands).toHaveLength(6);
  for (const command of commands) expect(command).toMatch(/ FILE 10\.[\d.]+:$/);
  const json = await pysyncFind(hosts.sender, '--json', '--wait', '1');
  expect(json.stdout).not.toMatch(obeyed);
});

test('what a shell would run is not taken from users, fingerprints or addresses', async () => {
  const words = (user: string): string[] => ['v=1', `user=${user}`, `fp=${falseFingerprint}`];
  await send([
    {},
    ...['$(id)', '`id`', "a'b", '-oProxyCommand=id', 'a b', 'a;id', 'a\nb', 'a@b', ''].map(
      (user, i) => ({ name: `evil ${i}`, words: words(user) }),
    ),
    { name: 'evil key', words: ['v=1', `fp=${falseFingerprint};id`] },
    { name: 'evil place', address: '127.0.0.1' },
    { name: 'evil place 2', address: '8.8.8.8' },
    { name: 'evil port', port: 0 },
  ]);
  await waitUntilFound(hosts.sender, 'mallory');
  const names = (await found(hosts.sender)).map(({ name }) => name);
  expect(names).toEqual(['anna on laptop', 'mallory']);
});

test('who takes the name of another is shown beside them, with their own fingerprint', async () => {
  await send([{ name: 'anna on laptop' }]);
  await waitUntilFound(hosts.sender, 'anna on laptop');
  const both = await found(hosts.sender);
  expect(both.map((each) => each.fingerprint).sort()).toEqual([fingerprint, falseFingerprint]);
  const { stdout } = await pysyncFind(hosts.sender);
  expect(stdout).toContain("More than one calls itself 'anna on laptop'.\n");
});

test('ten thousand services and 9000 bytes of text do not hide an honest receiver', async () => {
  const long = Array.from({ length: 34 }, () => 'x'.repeat(255));
  await send([
    ...Array.from({ length: 10_000 }, (_, i) => ({ name: `crowd ${i}` })),
    { name: 'long', words: [...good, ...long] },
  ]);
  await waitUntilFound(hosts.sender, 'anna on laptop');
  const begin = performance.now();
  const { stdout, exitCode } = await pysyncFind(hosts.sender, '--wait', '2');
  expect(performance.now() - begin).toBeLessThan(10_000);
  expect(exitCode).toBe(0);
  expect(stdout.split('\n').length).toBeLessThan(17 * 5 + 10);
  expect(stdout.length).toBeLessThan(10_000);
  expect(stdout).toContain('More announced themselves than are listed');
});

test('a packet that is nonsense stops neither who announces nor who looks', async () => {
  const whole = announcementPacket({ name: 'mallory', address, words: good });
  const packets = Array.from({ length: whole.length }, (_, i) => [
    whole.subarray(0, i),
    Buffer.concat([whole.subarray(0, i), Buffer.of(0xff, 0xc0, 0x0c), whole.subarray(i + 3)]),
  ]).flat();
  attack = await startSending(hosts.receiver, [...packets, whole], address);
  await waitUntilFound(hosts.sender, 'mallory');
  await waitUntilFound(hosts.sender, 'anna on laptop');
  expect(anna.problems()).toEqual([]);
});
