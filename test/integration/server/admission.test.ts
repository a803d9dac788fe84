/** Whom `pysync serve` lets in, from where, and for how long. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { mustExec } from '../../helpers/exec.js';
import type { ExecResult } from '../../helpers/exec.js';
import { createHosts } from '../../helpers/hosts.js';
import type { Hosts } from '../../helpers/hosts.js';
import { createPeer } from '../../helpers/peer.js';
import type { Peer, PeerOptions } from '../../helpers/peer.js';
import { putFiles } from '../../helpers/receiver.js';
import { startServe } from '../../helpers/serve.js';
import type { Serve } from '../../helpers/serve.js';
import { waitFor } from '../../helpers/tmp.js';

let me: Account;
let serve: Serve;
const peers: Peer[] = [];

beforeAll(async () => {
  me = await createAccount();
  serve = await startServe({ account: me });
});

afterAll(async () => {
  await serve.stop();
  await me.remove();
  for (const peer of peers) peer.remove();
});

async function makePeer(options: Partial<PeerOptions> = {}): Promise<Peer> {
  const peer = await createPeer({ sshd: serve, account: me, ...options });
  putFiles(peer.folder, { 'hello.txt': 'hello\n' });
  peers.push(peer);
  return peer;
}

async function letIn(peer: Peer, ...args: readonly string[]): Promise<void> {
  const imported = await me.pysync(['-i', peer.publicKey, ...args]);
  expect(imported).toMatchObject({ exitCode: 0 });
}

const send = (peer: Peer, to = peer.target): Promise<ExecResult> =>
  peer.rsync(['-aI', 'hello.txt', `${to}:`]);

const works = { stdout: '', stderr: '', exitCode: 0 };
const isLockedOut = {
  stderr: expect.stringContaining('Permission denied (publickey)') as unknown,
  exitCode: 255,
};

const keyFile = (): string => join(me.home, '.ssh/authorized_keys');

describe('a key', () => {
  it('gets in by any user name, and by none', async () => {
    const peer = await makePeer();
    await letIn(peer);
    for (const user of ['root', 'nobody-there', 'Jürgen', 'a'.repeat(200)]) {
      expect(await send(peer, `${user}@${serve.address}`)).toEqual(works);
    }
    expect(await send(peer, serve.address)).toEqual(works);
  });

  it('that nobody has imported gets nothing', async () => {
    expect(await send(await makePeer())).toMatchObject(isLockedOut);
  });

  it('of the owner’s, which nothing restricts, gets nothing, and the owner reads why', async () => {
    const owner = await makePeer();
    writeFileSync(keyFile(), `${readFileSync(keyFile(), 'utf8')}${owner.publicKey}\n`);
    expect(await owner.ssh(['id'])).toMatchObject({ ...isLockedOut, stdout: '' });
    expect(await send(owner)).toMatchObject(isLockedOut);
    expect(serve.log()).toMatch(/^127\.0\.0\.1 SHA256:\S+ is not one of pysync’s keys$/m);
  });

  it('gets in from where its line says, and not from elsewhere', async () => {
    const peer = await makePeer();
    await letIn(peer, '--from', '10.0.0.0/8');
    expect(await send(peer)).toMatchObject(isLockedOut);
    expect(serve.log()).toMatch(/^127\.0\.0\.1 SHA256:\S+ is not let in from there$/m);
    await letIn(peer, '--from', '10.0.0.0/8', '--from', '127.0.0.0/8');
    expect(await send(peer)).toEqual(works);
  });

  it('gets in until it expires', async () => {
    const peer = await makePeer();
    await letIn(peer, '--name', 'short', '--expires', '12h');
    expect(await send(peer)).toEqual(works);
    const keys = readFileSync(keyFile(), 'utf8');
    writeFileSync(
      keyFile(),
      keys.replace(/expiry-time="\d+"(.*--peer short )/, 'expiry-time="20200101"$1'),
    );
    expect(await send(peer)).toMatchObject(isLockedOut);
    expect(serve.log()).toMatch(/^127\.0\.0\.1 SHA256:\S+ has expired$/m);
  });

  it('that is revoked gets nothing more on a connection that is open', async () => {
    const peer = await makePeer({ multiplex: true });
    await letIn(peer, '--name', 'revoked');
    expect(await send(peer)).toEqual(works);
    expect(await me.pysync(['revoke', 'revoked'])).toMatchObject({ exitCode: 0 });
    const result = await send(peer);
    expect(result.stderr).toMatch(/^pysync: this key is not let in any more\n/);
    expect(result.exitCode).toBe(12);
    await peer.ssh([], { sshOptions: ['-O', 'exit'] });
    expect(await send(peer)).toMatchObject(isLockedOut);
  });
});

describe('a client in another network', () => {
  const elsewhere = '203.0.113.5';
  let hosts: Hosts;
  let bob: Peer;

  beforeAll(async () => {
    hosts = await createHosts();
    const { receiver, sender } = hosts;
    // The sender has an address of a network that the receiver knows the way to, and is not in.
    await mustExec([
      'ip',
      '-netns',
      sender.netns,
      'address',
      'add',
      `${elsewhere}/32`,
      'dev',
      'lo',
    ]);
    const route = [elsewhere, 'via', sender.address];
    await mustExec(['ip', '-netns', receiver.netns, 'route', 'add', ...route]);
    // One at a time may serve an account.
    await serve.stop();
  });

  afterAll(() => hosts.remove());

  async function serveThere(...args: readonly string[]): Promise<Serve> {
    const { receiver, sender } = hosts;
    serve = await startServe({ account: me, netns: receiver.netns, args });
    const sshd = { address: receiver.address, port: serve.port };
    bob = await makePeer({ sshd, netns: sender.netns });
    await letIn(bob);
    return serve;
  }

  const sendFrom = (address: string): Promise<ExecResult> =>
    bob.rsync(['-aI', 'hello.txt', `${bob.target}:`], { remoteShellExtra: ['-b', address] });

  it('is answered where this machine is in that network, too', async () => {
    const there = await serveThere();
    expect(await sendFrom(hosts.sender.address)).toEqual(works);
    const result = await sendFrom(elsewhere);
    expect(result.stderr).toMatch(/Connection (?:closed|reset)|closed by remote host/);
    expect(result.exitCode).not.toBe(0);
    await waitFor('a word to the owner', () =>
      there.log().includes(`${elsewhere} is not on a network of this machine`),
    );
    await serve.stop();
  });

  it('is answered from anywhere with --any-network', async () => {
    await serveThere('--any-network');
    expect(await sendFrom(elsewhere)).toEqual(works);
    expect(await sendFrom(hosts.sender.address)).toEqual(works);
  });
});
