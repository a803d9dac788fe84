/**
 * The whole story as two people live it: two hosts on one network, a receiver with pysync and a
 * sender with nothing but ssh and rsync. The steps build on one another, so it is one test.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createAccount } from '../helpers/account.js';
import type { Account } from '../helpers/account.js';
import { createHosts } from '../helpers/hosts.js';
import { unfinishedBytes, unfinishedFiles } from '../helpers/session-folders.js';
import { startSshd } from '../helpers/sshd.js';
import { waitFor } from '../helpers/tmp.js';

const mebibyte = 1024 * 1024;

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const remove of cleanups.splice(0).reverse()) await remove();
});

async function createPerson(): Promise<Account> {
  const account = await createAccount();
  cleanups.push(() => account.remove());
  return account;
}

/** The sender's key pair, where ssh looks for it, and a yes to the question of first contact. */
async function setUpSsh(sender: Account): Promise<string> {
  const script = `umask 077; mkdir .ssh; echo 'StrictHostKeyChecking accept-new' > .ssh/config
    ssh-keygen -q -t ed25519 -N '' -C bob@laptop -f .ssh/id_ed25519; cat .ssh/id_ed25519.pub`;
  return (await sender.run(['sh', '-c', script])).stdout;
}

const sha256 = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex');

const numberBehind = (label: string, text: string): number =>
  Number(new RegExp(`${label}: ([\\d,]+)`).exec(text)?.[1]?.replaceAll(',', ''));

test('a peer is let in, sends a big file that is cut off and resumed, fetches some, and is shut out again', async () => {
  const me = await createPerson();
  const bob = await createPerson();
  const hosts = await createHosts();
  cleanups.push(() => hosts.remove());
  const { address, netns } = hosts.receiver;
  const sshd = await startSshd({ account: me, address, netns });
  cleanups.push(() => sshd.stop());
  const asBob = (...argv: string[]): ReturnType<Account['run']> =>
    bob.run(argv, { netns: hosts.sender.netns });
  const asMe = (...args: string[]): ReturnType<Account['run']> => me.pysync(args, { netns });
  const there = `${me.name}@${address}:`;
  const publicKey = await setUpSsh(bob);
  const sent = join(bob.home, 'big.iso');
  writeFileSync(sent, randomBytes(48 * mebibyte));

  // Before: ssh lets nobody in.
  const before = await asBob('rsync', '-avP', 'big.iso', there);
  expect(before.stderr).toContain('Permission denied');
  expect(before.exitCode).toBe(255);

  // The receiver imports the key, and is told what the sender has to type.
  writeFileSync(join(me.home, 'bob.pub'), publicKey);
  const imported = await asMe('-i', 'bob.pub');
  expect(imported).toMatchObject({ exitCode: 0 });
  const [fingerprint = 'none'] = /SHA256:[A-Za-z0-9+/]{43}/.exec(imported.stdout) ?? [];
  expect(imported.stdout).toContain(there);
  const [line = ''] = readFileSync(join(me.home, '.ssh/authorized_keys'), 'utf8').split('\n');
  expect(line).toMatch(/^restrict,/);
  expect((await asMe('status')).stdout).toContain('bob');

  // The sender starts, and is cut off in the middle.
  const share = join(me.home, 'public');
  const arrived = join(share, 'big.iso');
  const cut = new AbortController();
  const slowly = ['rsync', '-avP', '--bwlimit=16M', 'big.iso', there];
  const interrupted = bob.run(slowly, { netns: hosts.sender.netns, signal: cut.signal });
  await waitFor('a part to arrive', () => unfinishedBytes(share) > 8 * mebibyte);
  cut.abort();
  expect((await interrupted).exitCode).not.toBe(0);
  await waitFor('the part to be kept', () => unfinishedFiles(share, 'parts').length > 0);
  expect(existsSync(arrived)).toBe(false);
  const kept = unfinishedBytes(share);
  expect(kept).toBeGreaterThan(mebibyte);
  expect(kept).toBeLessThan(48 * mebibyte);

  // The same command again sends the rest only.
  const resumed = await asBob('rsync', '-avP', '--stats', 'big.iso', there);
  expect(resumed).toMatchObject({ stderr: '', exitCode: 0 });
  expect(numberBehind('Matched data', resumed.stdout)).toBeGreaterThan(mebibyte / 2);
  expect(numberBehind('Literal data', resumed.stdout)).toBeLessThan(48 * mebibyte);
  expect(sha256(arrived)).toBe(sha256(sent));
  const again = await asBob('rsync', '-a', '--checksum', '--itemize-changes', 'big.iso', there);
  expect(again).toEqual({ stdout: '', stderr: '', exitCode: 0 });

  // The sender fetches what a wildcard names, and no more.
  for (const name of ['one.txt', 'two words.txt', 'three.md']) {
    writeFileSync(join(share, name), `${name}\n`);
  }
  const fetched = await asBob('rsync', '-avP', `${there}*.txt`, 'fetched/');
  expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readdirSync(join(bob.home, 'fetched')).sort()).toEqual(['one.txt', 'two words.txt']);
  expect(readFileSync(join(bob.home, 'fetched/two words.txt'), 'utf8')).toBe('two words.txt\n');

  // The key opens nothing else.
  const shell = await asBob('ssh', there.slice(0, -1), 'id');
  expect(shell.stdout).toBe('');
  expect(shell.stderr).toContain('rsync');
  expect(shell.exitCode).not.toBe(0);

  // The receiver revokes the key.
  expect((await asMe('keys')).stdout).toContain(fingerprint);
  expect(await asMe('revoke', fingerprint)).toMatchObject({ exitCode: 0 });
  const after = await asBob('rsync', '-avP', 'big.iso', there);
  expect(after.stderr).toContain('Permission denied');
  expect(after.exitCode).toBe(255);
});
