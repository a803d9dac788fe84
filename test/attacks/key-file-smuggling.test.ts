/**
 * The attacker gives the receiver a key file. It holds options before the key, more lines than it
 * shows, line breaks of all kinds and commands in the comment, and names that end a word. What
 * lands in `authorized_keys` must be one line for each key, that begins with `restrict` and runs
 * the gate, whatever the file says: no option, no command and no second key of the attacker's.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createPeer } from '../helpers/peer.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles, said, variants } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let accomplice: Peer;
let key: string;
let second: string;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await createPeer(me);
  accomplice = await createPeer(me);
  key = mallory.publicKey.split(' ').slice(0, 2).join(' ');
  second = accomplice.publicKey.split(' ').slice(0, 2).join(' ');
  me.write('public/hello.txt', 'hello\n');
});

beforeEach(() => me.account.run(['rm', '-f', '.ssh/authorized_keys']));

afterAll(async () => {
  await me.remove();
  mallory.remove();
  accomplice.remove();
});

const authorized = (): string[] => {
  const lines = readFileSync(join(me.account.home, '.ssh/authorized_keys'), 'utf8').split('\n');
  expect(lines.at(-1)).toBe('');
  return lines.slice(0, -1);
};

const ours =
  /^restrict,command="[^"]*\/pysync\/launcher --peer [^"]*" ssh-ed25519 [A-Za-z0-9+/=]+( |$)/;

test.each(
  variants([
    ['a command before the key', 'command="touch ~/pwned" KEY'],
    ['options before the key', 'no-pty,environment="A=b",permitopen="*:*",tunnel="0" KEY'],
    ['an option that undoes the restriction', 'restrict,pty,port-forwarding KEY'],
    ['a command in the comment', 'KEY command="touch ~/pwned"'],
    ['quotes in the comment', `KEY "x',command="touch ~/pwned`],
    ['a key in the comment', 'KEY x SECOND'],
    ['a carriage return in the comment', 'KEY x\rSECOND'],
    ['a vertical tab and a form feed', 'KEY x\vSECOND\fSECOND'],
    ['a Unicode line separator', 'KEY x\u2028SECOND\u2029SECOND\u0085SECOND'],
    ['a NUL', 'KEY x\0SECOND'],
    ['an escape sequence', 'KEY \u001b[2K\u001b[1GSECOND'],
    ['shell words in the comment', 'KEY $(touch ~/pwned);`touch ~/pwned`&&touch ~/pwned'],
    ['a comment that ends the command', 'KEY --access read-write --allow-delete --share /'],
    ['a very long comment', `KEY ${'x'.repeat(9000)}SECOND`],
    ['a backslash at the end', 'KEY x\\'],
  ]),
)('%s does not get anything into authorized_keys', async (_what, template) => {
  const text = template.replaceAll('KEY', key).replaceAll('SECOND', second);
  me.write('mallory.pub', `${text}\n`);
  const imported = await me.account.pysync(['-i', 'mallory.pub', '--access', 'read-only']);
  expect([0, 1]).toContain(imported.exitCode);
  for (const line of imported.exitCode === 0 ? authorized() : []) {
    expect(line).toMatch(ours);
    expect(line).toContain('--access read-only');
    expect(line).not.toMatch(/\p{Cc}/u);
  }
  // Whatever is there lets nobody do more than fetch, and runs nothing of the attacker's.
  for (const peer of [mallory, accomplice]) {
    expect(said(await peer.ssh(['id']))).not.toContain('uid=');
    putFiles(peer.folder, { 'evil.txt': 'evil\n' });
    await peer.rsync(['-a', 'evil.txt', `${peer.target}:`]);
  }
  expect(me.listShare()).toEqual(['hello.txt']);
  const { stdout } = await me.account.run(['ls', me.account.home]);
  expect(stdout).not.toContain('pwned');
});

test.each([
  ['--name', 'x" ssh-ed25519'],
  ['--name', 'x\nssh-ed25519'],
  ['--from', '1.2.3.4",command="touch pwned'],
  ['--from', '1.2.3.4\n5.6.7.8'],
  ['--dir', 'pub"lic\n'],
  ['--expires', '2036-01-01"'],
])('a value of %s with more in it is refused', async (option, value) => {
  const result = await me.account.pysync(['-i', key, option, value]);
  expect(result.exitCode).not.toBe(0);
  await expect(me.account.run(['cat', '.ssh/authorized_keys'])).resolves.toMatchObject({
    exitCode: 1,
  });
});

test('the control: the key of such a file works, for what it was imported for', async () => {
  me.write('mallory.pub', `command="touch ~/pwned" ${key} mallory\n`);
  const imported = await me.account.pysync(['-i', 'mallory.pub']);
  expect(imported.exitCode).toBe(0);
  expect(imported.stderr).toContain('the options before the key were not taken over');
  expect(authorized()).toHaveLength(1);
  const fetched = await mallory.rsync(['-a', `${mallory.target}:hello.txt`, 'got/']);
  expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
});
