/** What becomes of `pysync serve` and of running transfers when one of its processes is killed. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { exec } from '../../helpers/exec.js';
import type { ExecResult } from '../../helpers/exec.js';
import { connectHostile, execIn, openSessionOf } from '../../helpers/hostile-ssh.js';
import { createPeer } from '../../helpers/peer.js';
import type { Peer } from '../../helpers/peer.js';
import { engineOf, startServeProcess } from '../../helpers/serve-process.js';
import type { ServeProcess } from '../../helpers/serve-process.js';
import { waitFor } from '../../helpers/tmp.js';

let account: Account;
let serve: ServeProcess;
let bob: Peer;
let share: string;

const mebibyte = 1024 * 1024;

beforeEach(async () => {
  account = await createAccount();
  serve = await startServeProcess({ account });
  bob = await createPeer({ sshd: { address: '127.0.0.1', port: serve.port }, account });
  await account.pysync(['-i', bob.publicKey, '--name', 'bob']);
  share = join(account.home, 'public');
  writeFileSync(join(bob.folder, 'large'), Buffer.alloc(16 * mebibyte, 'large'));
  writeFileSync(join(bob.folder, 'small'), 'small');
});

afterEach(async () => {
  await serve.stop();
  await account.remove();
  bob.remove();
});

function push(name: string, ...options: string[]): Promise<ExecResult> {
  return bob.rsync(['-a', '--partial', '--inplace', ...options, name, `${bob.target}:`]);
}

const sizeOf = (name: string): number =>
  statSync(join(share, name), { throwIfNoEntry: false })?.size ?? 0;

/** Begins to send the large file slowly, and waits until a mebibyte of it is there. */
async function beginToPush(): Promise<{ readonly end: Promise<ExecResult> }> {
  const end = push('large', '--bwlimit=4M');
  await waitFor('a part of the file', () => sizeOf('large') > mebibyte);
  return { end };
}

/** What runs as the account: rsync, launchers, sandboxes, and serve itself. */
async function processes(): Promise<string[]> {
  const { stdout } = await exec(['ps', '-o', 'args=', '-U', String(account.uid)]);
  return stdout.split('\n').filter((line) => line !== '' && !line.includes('<defunct>'));
}

async function endings(): Promise<string[]> {
  const { stdout } = await account.pysync(['log', '--json']);
  const transfers = JSON.parse(stdout) as { transfers: { outcome: string }[] };
  return transfers.transfers.map(({ outcome }) => outcome);
}

it('starts again what speaks to the network, and what was interrupted goes on', async () => {
  const { end } = await beginToPush();
  const engine = await serve.engine();
  process.kill(engine, 'SIGKILL');
  expect((await end).exitCode).not.toBe(0);
  await waitFor('the end of rsync', async () => {
    return (await processes()).every((line) => !line.includes('rsync --server'));
  });
  expect(await serve.engine()).not.toBe(engine);
  const part = sizeOf('large');
  expect(part).toBeGreaterThan(mebibyte);
  expect(part).toBeLessThan(16 * mebibyte);
  // Only what was missing is sent.
  const again = await push('large', '--append', '--stats');
  expect(again).toMatchObject({ stderr: '', exitCode: 0 });
  expect(sizeOf('large')).toBe(16 * mebibyte);
  const [, sent = ''] = /Literal data: ([\d,]+)/.exec(again.stdout) ?? [];
  expect(Number(sent.replaceAll(',', ''))).toBeLessThanOrEqual(16 * mebibyte - part);
  expect(await endings()).toEqual(['interrupted', 'done']);
  const what = 'has started again what speaks to the network';
  expect(serve.events()).toContainEqual({ event: 'notice', address: 'pysync', what });
});

it('ends with a sentence when that is killed again and again', async () => {
  const killed = new Set<number>();
  let hasEnded = false;
  void serve.ended.then(() => (hasEnded = true));
  await waitFor('its end', () => {
    const engine = engineOf(serve.pid);
    // One that was just killed is seen for a moment.
    if (engine !== undefined && !killed.has(engine)) {
      killed.add(engine);
      process.kill(engine, 'SIGKILL');
    }
    return hasEnded;
  });
  expect(killed.size).toBe(6);
  expect(await serve.ended).toBe(1);
  expect(serve.said()).toMatch(/^pysync: what speaks to the network ends again and again\n/);
  expect(await processes()).toEqual([]);
});

it('leaves nothing behind when it is killed itself, and the next one goes on', async () => {
  const { end } = await beginToPush();
  expect(await processes()).not.toEqual([]);
  process.kill(serve.pid, 'SIGKILL');
  expect((await end).exitCode).not.toBe(0);
  await waitFor('the end of all of it', async () => (await processes()).length === 0);
  const { port } = serve;
  await serve.stop();
  serve = await startServeProcess({ account, port });
  expect(await push('large')).toMatchObject({ stderr: '', exitCode: 0 });
  expect(sizeOf('large')).toBe(16 * mebibyte);
  expect(await endings()).toEqual(['interrupted', 'done']);
  expect(readdirSync(join(account.home, '.local/state/pysync/running'))).toEqual([]);
});

it('ends the transfer of a key that is revoked, and the sender reads so', async () => {
  const { end } = await beginToPush();
  expect((await account.pysync(['revoke', 'bob'])).exitCode).toBe(0);
  const cut = await end;
  expect(cut.exitCode).not.toBe(0);
  // rsync's own: in the middle of its protocol there is no room for one of pysync's.
  expect(cut.stderr).toMatch(/^rsync error: .* \(code \d+\)/m);
  const at = sizeOf('large');
  // Also one whose connection was open before.
  const next = await push('small');
  expect(next.exitCode).not.toBe(0);
  expect(next.stderr).toContain('Permission denied');
  expect(sizeOf('large')).toBe(at);
});

it('asks about nobody any more who has knocked at what was killed', async () => {
  const { port } = serve;
  await serve.stop();
  serve = await startServeProcess({ account, port, args: ['--pair'] });
  await account.pysync(['revoke', 'bob']);
  // OpenSSH knocks only where somebody sits at its terminal.
  const key = readFileSync(bob.publicKeyFile.replace(/\.pub$/, ''));
  const client = await connectHostile({ port, key });
  execIn(client, await openSessionOf(client), 'rsync --server -vr . .');
  const knocks = (): unknown[] =>
    serve
      .events()
      .filter(({ event }) => event === 'knock' || event === 'answer')
      .map(({ event, outcome }) => outcome ?? event);
  await waitFor('a knock', () => knocks().length === 1);
  process.kill(await serve.engine(), 'SIGKILL');
  await waitFor('the end of the question', () => knocks().length === 2);
  expect(knocks()).toEqual(['knock', 'gone']);
  await client.closed();
});
