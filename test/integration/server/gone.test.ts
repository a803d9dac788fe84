/**
 * Clients that are gone without a goodbye: stopped, or without a network. Within a minute their rsync ends
 * and nothing of it is left. All of them wait at once, since each takes most of that minute.
 */
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { endGroup, exec, mustExec, systemPath, wrap } from '../../helpers/exec.js';
import { connectHostile, execIn, openSessionOf } from '../../helpers/hostile-ssh.js';
import type { HostileSsh } from '../../helpers/hostile-ssh.js';
import { createHosts } from '../../helpers/hosts.js';
import type { Hosts } from '../../helpers/hosts.js';
import { createPeer } from '../../helpers/peer.js';
import type { Peer } from '../../helpers/peer.js';
import { createServeScene, startServeProcess } from '../../helpers/serve-process.js';
import type { ServeProcess, ServeScene } from '../../helpers/serve-process.js';
import { waitFor } from '../../helpers/tmp.js';

const mebibyte = 1024 * 1024;
/** What the promise of a minute leaves to a busy machine. */
const patienceMs = 65_000;

let hosts: Hosts;
let account: Account;
let serve: ServeProcess;
const peers: Peer[] = [];
const clients: Pick<ChildProcess, 'pid' | 'exitCode'>[] = [];

let near: ServeScene;
let half: HostileSsh;
let halfSince: number;

beforeAll(async () => {
  hosts = await createHosts();
  account = await createAccount();
  const { receiver, sender } = hosts;
  serve = await startServeProcess({ account, netns: receiver.netns, port: 2222 });
  for (const direction of ['push', 'pull'] as const) {
    await begin(direction, receiver.netns, '127.0.0.1');
    await begin(direction, sender.netns, receiver.address);
  }

  near = await createServeScene();
  const bob = await near.letIn('--name', 'bob');
  const key = readFileSync(bob.publicKeyFile.replace(/\.pub$/, ''));
  half = await connectHostile({ port: near.serve.port, key });
  execIn(half, await openSessionOf(half), 'rsync --server -vr . .');
  await waitFor('rsync', async () => (await running(near.account)) > 0);
  half.beginExchange();
  halfSince = Date.now();
});

afterAll(async () => {
  for (const client of clients) endGroup(client.pid);
  await serve.stop();
  await account.remove();
  for (const peer of peers) peer.remove();
  await hosts.remove();
  await near.remove();
});

/** Starts a transfer from this network that lasts longer than the test. */
async function begin(direction: 'push' | 'pull', netns: string, address: string): Promise<void> {
  const peer = await createPeer({ sshd: { address, port: 2222 }, account, netns });
  peers.push(peer);
  await account.pysync(['-i', peer.publicKey, '--name', `${direction}-${peers.length}`]);
  const file = `file-${peers.length}`;
  const folder = direction === 'push' ? peer.folder : join(account.home, 'public');
  writeFileSync(join(folder, file), Buffer.alloc(64 * mebibyte, file), { mode: 0o644 });
  const words =
    direction === 'push' ? [file, `${peer.target}:`] : [`${peer.target}:${file}`, 'got'];
  const rsync = ['rsync', '-a', '--bwlimit=300k', '-e', peer.remoteShell, ...words];
  const [program = '', ...args] = wrap(rsync, { netns });
  const before = await running(account);
  clients.push(
    execa(program, args, {
      cwd: peer.folder,
      env: { PATH: systemPath, HOME: peer.folder },
      extendEnv: false,
      reject: false,
      stdio: 'ignore',
      detached: true,
    }),
  );
  await waitFor('rsync', async () => (await running(account)) > before);
}

/** How many rsyncs run for peers of this account. */
async function running({ uid }: Account): Promise<number> {
  const { stdout } = await exec(['ps', '-o', 'args=', '-U', String(uid)]);
  return stdout.split('\n').filter((line) => /^\S*rsync --server/.test(line)).length;
}

async function outcomes(): Promise<string[]> {
  const { stdout } = await account.pysync(['log', '--json']);
  const { transfers } = JSON.parse(stdout) as { transfers: { outcome: string }[] };
  return transfers.map(({ outcome }) => outcome);
}

it('notices within a minute that clients are stopped or their network is gone', async () => {
  expect(await outcomes()).toEqual(['running', 'running', 'running', 'running']);
  const [nearPush, farPush, nearPull, farPull] = clients;
  for (const stopped of [nearPush, nearPull]) endGroup(stopped?.pid, 'SIGSTOP');
  const link = ['ip', '-netns', hosts.sender.netns, 'link', 'set', 'eth0', 'down'];
  await mustExec(link);
  for (const gone of [farPush, farPull]) expect(gone?.exitCode).toBeNull();
  await waitFor('the end of all four', async () => (await running(account)) === 0, patienceMs);
  await waitFor('the end of their logs', async () => !(await outcomes()).includes('running'));
  expect(await outcomes()).toEqual(['interrupted', 'interrupted', 'interrupted', 'interrupted']);
  expect(readdirSync(join(account.home, '.local/state/pysync/running'))).toEqual([]);
  // Serve itself is well: whoever comes from here gets in.
  const peer = await createPeer({
    sshd: { address: '127.0.0.1', port: 2222 },
    account,
    netns: hosts.receiver.netns,
  });
  peers.push(peer);
  await account.pysync(['-i', peer.publicKey, '--name', 'next']);
  writeFileSync(join(peer.folder, 'small'), 'small');
  const pushed = await peer.rsync(['-a', 'small', `${peer.target}:`]);
  expect(pushed).toMatchObject({ stderr: '', exitCode: 0 });
});

it('ends a client after half a minute that begins a key exchange and does not go on', async () => {
  await waitFor('its end', () => half.isClosed(), 45_000);
  expect(Date.now() - halfSince).toBeGreaterThan(29_000);
  await waitFor('the end of its rsync', async () => (await running(near.account)) === 0);
});
