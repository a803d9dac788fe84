/**
 * The harness itself, with a key that nothing restricts: what fails here is the fault of the tests'
 * own accounts, servers and networks, and not of pysync.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { createAccount } from '../helpers/account.js';
import type { Account } from '../helpers/account.js';
import { exec } from '../helpers/exec.js';
import { createHosts } from '../helpers/hosts.js';
import { createPeer } from '../helpers/peer.js';
import { startSshd } from '../helpers/sshd.js';

const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const remove of cleanups.splice(0).reverse()) await remove();
});

async function createReceiver(): Promise<Account> {
  const account = await createAccount();
  cleanups.push(() => account.remove());
  return account;
}

async function letIn(account: Account, publicKey: string): Promise<void> {
  const script = 'umask 077; mkdir -p .ssh received; cat >> .ssh/authorized_keys';
  const { exitCode } = await account.run(['sh', '-c', script], { input: `${publicKey}\n` });
  expect(exitCode).toBe(0);
}

test('a command of an account runs as that user, in its home, with no one else’s environment', async () => {
  const account = await createReceiver();
  const { stdout } = await account.run(['sh', '-c', 'id -un; pwd; echo $HOME; env | wc -l']);
  const [name, folder, home, variables] = stdout.split('\n');
  expect(name).toBe(account.name);
  expect([folder, home]).toEqual([account.home, account.home]);
  expect(Number(variables)).toBeLessThan(12);
});

test('a peer without a key in place is refused, and with one it delivers over loopback', async () => {
  const account = await createReceiver();
  const sshd = await startSshd({ account });
  cleanups.push(() => sshd.stop());
  const peer = await createPeer({ sshd, account });
  writeFileSync(join(peer.folder, 'letter.txt'), 'dear receiver\n');
  const target = `${peer.target}:${account.home}/received/`;

  const refused = await peer.rsync(['-a', 'letter.txt', target]);
  expect(refused.stderr).toContain('Permission denied');
  expect(refused.exitCode).toBe(255);

  await letIn(account, peer.publicKey);
  expect((await peer.ssh(['id', '-un'])).stdout).toBe(`${account.name}\n`);
  const delivered = await peer.rsync(['-a', 'letter.txt', target]);
  expect(delivered).toMatchObject({ stderr: '', exitCode: 0 });
  const { stdout } = await account.run(['cat', 'received/letter.txt']);
  expect(stdout).toBe('dear receiver\n');
  expect(sshd.log()).toContain(`Accepted publickey for ${account.name}`);
});

test('a peer reaches a server without a port through a proxy command', async () => {
  const account = await createReceiver();
  const sshd = await startSshd({ account });
  cleanups.push(() => sshd.stop());
  const peer = await createPeer({ sshd, account });
  await letIn(account, peer.publicKey);
  const sshOptions = ['-o', `ProxyCommand=${sshd.proxyCommand}`];
  const { stdout } = await peer.ssh(['echo', '"$SSH_CONNECTION"'], { sshOptions });
  expect(stdout).toBe('UNKNOWN 65535 UNKNOWN 65535\n');
});

test('between two hosts a sender delivers to the address of the receiver', async () => {
  const account = await createReceiver();
  const { receiver, sender, ...hosts } = await createHosts();
  cleanups.push(() => hosts.remove());
  const { address, netns } = receiver;
  const sshd = await startSshd({ account, address, netns });
  cleanups.push(() => sshd.stop());
  const peer = await createPeer({ sshd, account, netns: sender.netns });
  await letIn(account, peer.publicKey);
  writeFileSync(join(peer.folder, 'letter.txt'), 'over the cable\n');

  const delivered = await peer.rsync(['-a', 'letter.txt', `${peer.target}:received/`]);
  expect(delivered).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readFileSync(join(account.home, 'received/letter.txt'), 'utf8')).toBe('over the cable\n');
  expect(sshd.log()).toContain(`from ${sender.address}`);
  // The control: the machine that runs the tests has no part in that network.
  expect((await exec(['ip', '-brief', 'address'])).stdout).not.toContain(address.slice(0, -1));
});

test('nothing of an account, a server or a host is left when they are removed', async () => {
  const account = await createAccount();
  const { receiver, sender, ...hosts } = await createHosts();
  const { address, netns } = receiver;
  const sshd = await startSshd({ account, address, netns });
  const peer = await createPeer({ sshd, account, netns: sender.netns });
  await letIn(account, peer.publicKey);
  // Someone is still connected, and left a process behind that ignores the end of its session.
  const session = peer.ssh(['setsid', 'sleep', '600', '<&-', '>&-', '2>&-', '&', 'sleep', '600']);
  const processes = async (): Promise<string[]> => {
    const { stdout } = await exec(['ps', '-o', 'stat=,args=', '-U', String(account.uid)]);
    // What has ended and only waits for init to take notice is nothing that is left.
    return stdout.split('\n').filter((line) => line !== '' && !line.startsWith('Z'));
  };
  await expect.poll(async () => (await processes()).join('\n')).toMatch(/(sleep 600[^]*){2}/);

  await sshd.stop();
  await account.remove();
  expect((await session).exitCode).toBe(255);
  await hosts.remove();
  peer.remove();
  expect(existsSync(account.home)).toBe(false);
  expect((await exec(['id', account.name])).exitCode).toBe(1);
  expect(await processes()).toEqual([]);
  expect((await exec(['ip', 'netns', 'list'])).stdout).not.toContain(netns);
  const isOurs = (entry: string): boolean => entry.includes(account.name) || entry.includes(netns);
  expect(readdirSync(join(inject('runFolder'), 'ledger')).filter(isOurs)).toEqual([]);
});
