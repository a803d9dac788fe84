/**
 * The attacker has a key that may send and fetch. The logs of its connections lie outside the share
 * and outside its cap. It makes a log as long as it can, and as many of them as it can, to fill the
 * disk or to push the history of others out. A transfer whose log is full must go on as any other.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseJson } from '../helpers/home.js';
import type { Peer } from '../helpers/peer.js';
import { createReceiver, putFiles } from '../helpers/receiver.js';
import type { Receiver } from '../helpers/receiver.js';
import { openSession } from '../helpers/session.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;
const count = 3000;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  const names = Array.from({ length: count }, (_, i) => `many/${i}-${'\u001b'.repeat(50)}`);
  putFiles(mallory.folder, Object.fromEntries(names.map((name) => [name, ''])));
});

afterAll(() => me.remove());

const state = (folder: string): string => join(me.account.home, '.local/state/pysync', folder);

async function prefer(name: string, value: string): Promise<void> {
  expect(await me.account.pysync(['config', 'set', name, value])).toMatchObject({ exitCode: 0 });
}

interface Shown {
  readonly id: string;
  readonly peer: string;
  readonly outcome: string;
  readonly fileCount: number;
  readonly complete: boolean;
}

async function history(): Promise<Shown[]> {
  const result = await me.account.pysync(['log', '-n', '1000', '--json']);
  return (parseJson(result) as { transfers: Shown[] }).transfers;
}

/** Sends all the files, which has to work, and gives what the history says of it. */
async function sendMany(): Promise<{ shown: Shown | undefined; bytes: number }> {
  const sent = await mallory.rsync(['-aI', 'many', `${mallory.target}:`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(me.listShare().filter((name) => name.startsWith('many/'))).toHaveLength(count);
  const shown = (await history()).at(-1);
  const name = readdirSync(state('log')).find((log) => log.startsWith(shown?.id ?? 'none')) ?? '';
  const { size } = statSync(join(state('log'), name));
  expect(name.endsWith(`-${size}.log`)).toBe(true);
  return { shown, bytes: size };
}

test('a log has a greatest length; the transfer goes on, and the history says what it lacks', async () => {
  await prefer('log-size', '1M');
  const { shown, bytes } = await sendMany();
  expect(bytes).toBeLessThan(2 ** 18 + 2000);
  expect(shown).toMatchObject({ outcome: 'done', complete: false });
  expect(shown?.fileCount).toBeGreaterThan(100);
  expect(shown?.fileCount).toBeLessThan(count);
  const { stdout } = await me.account.pysync(['log', '-n', '1']);
  expect(stdout).toMatch(/sent at least \d+ files/);
});

test('a log gets less room when others are being written', async () => {
  const others = [1, 2].map(() => openSession(mallory, 'rsync --server -logDtpre.iLsfxC . .'));
  await waitFor('the others', () => {
    return readdirSync(state('running')).filter((name) => name.endsWith('.log')).length === 2;
  });
  const { shown, bytes } = await sendMany();
  for (const other of others) await other.end();
  expect(bytes).toBeLessThan(2 ** 19 / 12 + 2000);
  expect(shown).toMatchObject({ outcome: 'done', complete: false });
});

test('the control: with more room the same log is longer, and whole', async () => {
  await prefer('log-size', '64M');
  const { shown, bytes } = await sendMany();
  expect(bytes).toBeGreaterThan(2 ** 19);
  expect(shown).toMatchObject({ outcome: 'done', complete: true, fileCount: count });
});

test('a long command does not make a long log', async () => {
  await mallory.ssh([`rsync --server ${'\u0001'.repeat(60_000)} . .`]);
  const [log = ''] = me.logs().slice(-1);
  expect(log).toContain('pysync-refused');
  expect(log.length).toBeLessThan(30_000);
});

test('many connections remove the logs of who makes them, and not those of others', async () => {
  const bob = await me.letIn('--name', 'bob');
  putFiles(bob.folder, { 'a.txt': 'a' });
  await bob.rsync(['a.txt', `${bob.target}:`]);
  await prefer('log-count', '4');
  for (let i = 0; i < 6; i += 1) await mallory.ssh([`attempt ${i}`]);
  const kept = await history();
  expect(kept.map(({ peer }) => peer)).toEqual(['bob', 'mallory', 'mallory', 'mallory', 'mallory']);
  const last = readdirSync(state('log')).sort().at(-1) ?? '';
  // The control: the newest is there.
  expect(readFileSync(join(state('log'), last), 'utf8')).toContain('attempt 5');
});
