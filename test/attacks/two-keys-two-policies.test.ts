/**
 * The attacker has two keys that were imported under one name, one to fetch and one to send. It
 * uses each for what only the other may do. It also keeps a connection open and goes on using it
 * after the owner has revoked the key, has changed what it may do, or the key has expired. Each
 * key must do what its own policy says, and what it says now.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, isServed, putFiles } from '../helpers/receiver.js';

let me: Receiver;
let fetcher: Peer;
let sender: Peer;

beforeAll(async () => {
  // The peers keep their connections open.
  me = await createReceiver({ multiplex: true });
  fetcher = await me.letIn('--name', 'bob', '--access', 'read-only');
  sender = await me.letIn('--name', 'bob', '--access', 'write-only');
  me.write('public/hello.txt', 'hello\n');
});

afterAll(() => me.remove());

const fetch = async (peer: Peer): Promise<boolean> =>
  (await peer.rsync(['-a', `${peer.target}:hello.txt`, 'got/'])).exitCode === 0;

const send = async (peer: Peer): Promise<boolean> => {
  putFiles(peer.folder, { 'sent.txt': 'sent\n' });
  return (await peer.rsync(['-aI', 'sent.txt', `${peer.target}:`])).exitCode === 0;
};

/** Logs in again, without the open connection. */
const reconnect = (peer: Peer): ReturnType<Peer['ssh']> =>
  peer.ssh(['id'], { sshOptions: ['-o', 'ControlPath=none', '-S', 'none'] });

test('each key does what its own policy lets it, and not what the other’s does', async () => {
  expect(await fetch(fetcher)).toBe(true);
  expect(await send(fetcher)).toBe(false);
  expect(me.listShare()).toEqual(['hello.txt']);
  expect(await send(sender)).toBe(true);
  expect(await fetch(sender)).toBe(false);
  expect(me.listShare()).toEqual(['hello.txt', 'sent.txt']);
});

test('an open connection does no more than the policy that its key has now', async () => {
  const peer = await me.letIn('--name', 'carol');
  expect([await fetch(peer), await send(peer)]).toEqual([true, true]);
  const changed = await me.account.pysync(['-i', peer.publicKey, '--access', 'read-only']);
  expect(changed.exitCode).toBe(0);
  // sshd has fixed at login what the connection may do; `pysync serve` reads it again each time.
  expect([await fetch(peer), await send(peer)]).toEqual([isServed, false]);
  if (!isServed) expect(me.logs().at(-1)).toContain('what this key may do has changed');
});

test('an open connection does nothing more once its key is revoked', async () => {
  const peer = await me.letIn('--name', 'dave');
  expect(await fetch(peer)).toBe(true);
  expect((await me.account.pysync(['revoke', 'dave'])).exitCode).toBe(0);
  expect([await fetch(peer), await send(peer)]).toEqual([false, false]);
});

/** Does to the line of this peer in `authorized_keys` what the owner's editor, or time, would do. */
function editLine(name: string, edit: (line: string) => string): void {
  const file = join(me.account.home, '.ssh/authorized_keys');
  const lines = readFileSync(file, 'utf8').split('\n');
  const edited = lines.map((line) => (line.includes(`--peer ${name} `) ? edit(line) : line));
  expect(edited).not.toEqual(lines);
  writeFileSync(file, edited.join('\n'));
}

test('an open connection does nothing more once its key has expired', async () => {
  const peer = await me.letIn('--name', 'erin', '--expires', '12h');
  expect(await fetch(peer)).toBe(true);
  editLine('erin', (line) => line.replace(/expiry-time="\d+"/, 'expiry-time="20200101"'));
  expect((await reconnect(peer)).exitCode).toBe(255);
  expect([await fetch(peer), await send(peer)]).toEqual([false, false]);
});

test('an open connection does nothing more once its address is no longer let in', async () => {
  const peer = await me.letIn('--name', 'frank', '--from', '127.0.0.1');
  expect(await fetch(peer)).toBe(true);
  editLine('frank', (line) => line.replace('from="127.0.0.1"', 'from="192.0.2.1"'));
  expect((await reconnect(peer)).exitCode).toBe(255);
  expect([await fetch(peer), await send(peer)]).toEqual([false, false]);
});

test('an open connection does nothing more once the owner has commented its line out', async () => {
  const peer = await me.letIn('--name', 'grace');
  expect(await fetch(peer)).toBe(true);
  editLine('grace', (line) => `# ${line}`);
  expect([await fetch(peer), await send(peer)]).toEqual([false, false]);
});

test('the control: the other keys go on working, on the connections they have', async () => {
  expect([await fetch(fetcher), await send(sender)]).toEqual([true, true]);
});
