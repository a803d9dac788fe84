/**
 * A part of a file never takes the place of a whole one: two hosts, a file that is sent again in a
 * new version, and a connection that is cut, or dropped without a word.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { mustExec } from '../../helpers/exec.js';
import { createHosts } from '../../helpers/hosts.js';
import type { Hosts } from '../../helpers/hosts.js';
import { createPeer } from '../../helpers/peer.js';
import type { Peer } from '../../helpers/peer.js';
import { unfinishedBytes, unfinishedFiles } from '../../helpers/session-folders.js';
import { startSshd } from '../../helpers/sshd.js';
import type { Sshd } from '../../helpers/sshd.js';
import { waitFor } from '../../helpers/tmp.js';

const size = 8 << 20;
const versions = [randomBytes(size), randomBytes(size)];
const version = (n: number): Buffer => versions[n % 2] ?? Buffer.alloc(0);

let hosts: Hosts;
let me: Account;
let sshd: Sshd;
let bob: Peer;
let share: string;

beforeAll(async () => {
  hosts = await createHosts();
  me = await createAccount();
  const { address, netns } = hosts.receiver;
  sshd = await startSshd({ account: me, address, netns });
  bob = await createPeer({ sshd, account: me, netns: hosts.sender.netns });
  const { exitCode } = await me.pysync(['-i', bob.publicKey, '--name', 'bob'], { netns });
  expect(exitCode).toBe(0);
  share = join(me.home, 'public');
});

afterAll(async () => {
  bob.remove();
  await sshd.stop();
  await hosts.remove();
  await me.remove();
});

const arrived = (): Buffer => readFileSync(join(share, 'film.mkv'));
const running = (): string[] => readdirSync(join(me.home, '.local/state/pysync/running'));

/** Puts version `n` where it is sent from, with a time of its own: that is what rsync goes by. */
function make(n: number): void {
  const path = join(bob.folder, 'film.mkv');
  writeFileSync(path, version(n));
  time += 10;
  utimesSync(path, time, time);
}

let time = 1_000_000_000;

async function send(n: number, ...options: string[]): Promise<string> {
  make(n);
  const result = await bob.rsync(['-avP', '--stats', ...options, 'film.mkv', `${bob.target}:`]);
  expect(result).toMatchObject({ stderr: '', exitCode: 0 });
  return result.stdout;
}

/** Starts to send version `n`; `part` of it has come when this returns. */
async function begin(n: number, part: number): Promise<{ end: Promise<unknown>; cut: () => void }> {
  make(n);
  const cut = new AbortController();
  const words = ['-avP', '--bwlimit=2M', 'film.mkv', `${bob.target}:`];
  const end = bob.rsync(words, { signal: cut.signal });
  await waitFor('a part', () => unfinishedBytes(share) >= part * size);
  return {
    end,
    cut: () => {
      cut.abort();
    },
  };
}

const matched = (stdout: string): number =>
  Number(/Matched data: ([\d,]+)/.exec(stdout)?.[1]?.replaceAll(',', ''));

test('cut at every tenth of the way, the old file is whole until the new one is', async () => {
  await send(0);
  for (let tenth = 1; tenth < 10; tenth += 1) {
    const { end, cut } = await begin(tenth, tenth / 10);
    expect(arrived().equals(version(tenth - 1))).toBe(true);
    cut();
    await end;
    await waitFor('the end', () => running().length === 0);
    expect(arrived().equals(version(tenth - 1))).toBe(true);
    expect(unfinishedFiles(share, 'parts')).toHaveLength(1);
    const stdout = await send(tenth);
    expect(matched(stdout)).toBeGreaterThan(0);
    expect(arrived().equals(version(tenth))).toBe(true);
    expect(existsSync(join(share, '.pysync'))).toBe(false);
  }
});

/**
 * The sender is in another network from one moment to the next: nothing that its old connection still
 * has to say gets through, not even its end.
 */
async function drop({ end, cut }: Awaited<ReturnType<typeof begin>>): Promise<void> {
  const { netns } = hosts.sender;
  const ip = (...words: string[]): Promise<unknown> => mustExec(['ip', '-netns', netns, ...words]);
  await ip('link', 'set', 'eth0', 'down');
  cut();
  await end;
  await ip('address', 'flush', 'dev', 'eth0');
  lastByte += 1;
  const address = hosts.sender.address.replace(/\d+$/, String(lastByte));
  await ip('address', 'add', `${address}/24`, 'dev', 'eth0');
  await ip('link', 'set', 'eth0', 'up');
}

let lastByte = 10;

/** Makes the session look as it will half a minute from now. */
function age(): void {
  const then = Date.now() / 1000 - 40;
  const logs = running().map((name) => join(me.home, '.local/state/pysync/running', name));
  for (const path of [...logs, ...unfinishedFiles(share, 'tmp')]) utimesSync(path, then, then);
}

test('a dropped session that is silent is ended when its key comes back, and continued', async () => {
  await send(0);
  await drop(await begin(1, 0.4));
  expect(arrived().equals(version(0))).toBe(true);
  age();
  const silent = await me.pysync(['status'], { netns: hosts.receiver.netns });
  expect(silent.stdout).toContain('lost? nothing has come for');
  expect(matched(await send(1))).toBeGreaterThan(0);
  expect(arrived().equals(version(1))).toBe(true);
  await waitFor('the end', () => running().length === 0);
  const { stdout } = await me.pysync(['log', '-n', '2'], { netns: hosts.receiver.netns });
  expect(stdout).toMatch(/left a part of film\.mkv, [\d.]+MB +lost: the sender had gone/);
});

test('a dropped session that ends after the rerun has finished replaces nothing', async () => {
  await send(0);
  await drop(await begin(1, 0.4));
  // At once: the other session is not silent yet, and goes on beside this one.
  await send(1);
  expect(running().length).toBeGreaterThan(0);
  expect(arrived().equals(version(1))).toBe(true);
  await mustExec(['pkill', '-TERM', '-u', String(me.uid), '-f', '^rsync --server|/rsync --server']);
  await waitFor('the end', () => running().length === 0);
  expect(arrived().equals(version(1))).toBe(true);
});
