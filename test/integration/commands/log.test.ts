/** `pysync log`: what a receiver sees of transfers that run from another host, during and afterwards. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { followLog } from '../../helpers/follow.js';
import { createHosts } from '../../helpers/hosts.js';
import type { Hosts } from '../../helpers/hosts.js';
import { parseJson } from '../../helpers/home.js';
import { createPeer } from '../../helpers/peer.js';
import type { Peer } from '../../helpers/peer.js';
import { putFiles } from '../../helpers/receiver.js';
import { startSshd } from '../../helpers/sshd.js';
import type { Sshd } from '../../helpers/sshd.js';
import { waitFor } from '../../helpers/tmp.js';

const mebibyte = 2 ** 20;

let hosts: Hosts;
let me: Account;
let sshd: Sshd;
let bob: Peer;

beforeAll(async () => {
  hosts = await createHosts();
  me = await createAccount();
  const { address, netns } = hosts.receiver;
  sshd = await startSshd({ account: me, address, netns });
  bob = await createPeer({ account: me, sshd, netns: hosts.sender.netns });
  await me.pysync(['-i', bob.publicKey, '--name', 'bob'], { netns });
  putFiles(bob.folder, {
    'big.iso': randomBytes(12 * mebibyte),
    'tree/a.txt': 'a\n',
    'tree/two words.txt': 'two\n',
    'tree/empty': '',
    'tree/sub/ü': 'ü\n',
  });
});

afterAll(async () => {
  await sshd.stop();
  await me.remove();
  await hosts.remove();
  bob.remove();
});

interface Shown {
  readonly direction: string;
  readonly outcome: string;
  readonly bytes: number;
  readonly transferred: number;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

async function log(...args: string[]): Promise<Shown[]> {
  const result = await me.pysync(['log', '--json', ...args]);
  expect(result).toMatchObject({ stderr: '', exitCode: 0 });
  return (parseJson(result) as { transfers: Shown[] }).transfers;
}

/** The connection that ended last, once it is there. */
async function last(before: number): Promise<Shown | undefined> {
  const all = await waitFor('it to be in the history', async () => {
    const found = await log('-n', '1000');
    return found.length > before && found.at(-1)?.outcome !== 'running' && found;
  });
  return all.at(-1);
}

describe('a transfer from another host', () => {
  it('is shown by log --follow while it runs, and listed with the right numbers afterwards', async () => {
    const asText = followLog(me);
    const asJson = followLog(me, '--json');
    const push = bob.rsync(['-a', '--bwlimit=4M', 'big.iso', `${bob.target}:`]);
    const seen = await waitFor('its progress', () =>
      asJson.events().find(({ event, rate }) => event === 'progress' && Number(rate) > 0),
    );
    expect(seen).toMatchObject({ peer: 'bob', file: 'big.iso', size: null });
    expect(Number(seen['position'])).toBeGreaterThan(0);
    expect(Number(seen['position'])).toBeLessThanOrEqual(12 * mebibyte);
    // 4 MiB a second, as far as a loaded machine keeps to that.
    expect(Number(seen['rate'])).toBeLessThan(12 * mebibyte);
    const line =
      /bob \(10\.[\d.]+\) is sending into \/.*: big\.iso, [\d.]+MB, [\d.]+[KM]B a second\n/;
    await waitFor('its progress in words', () => line.test(asText.output()));
    expect(await push).toMatchObject({ stderr: '', exitCode: 0 });
    const ended = await waitFor('its end', () =>
      asJson.events().find(({ event }) => event === 'ended'),
    );
    expect(ended).toMatchObject({ outcome: 'done', fileCount: 1, bytes: 12 * mebibyte });
    await waitFor('its end in words', () =>
      /sent 1 file, 12MB, to .* {2}done\n/.test(asText.output()),
    );
    // Ctrl-C, as elsewhere.
    expect(await asText.interrupt()).toBe(130);
    expect(await asJson.interrupt()).toBe(130);
    const events = asJson.events().map(({ event }) => event);
    expect(events[0]).toBe('started');
    expect(events.filter((event) => event !== 'progress')).toEqual(['started', 'file', 'ended']);

    const [transfer] = await log();
    expect(transfer).toMatchObject({
      peer: 'bob',
      address: hosts.sender.address,
      share: join(me.home, 'public'),
      direction: 'push',
      outcome: 'done',
      exitCode: 0,
      fileCount: 1,
      bytes: 12 * mebibyte,
      complete: true,
    });
    expect(transfer?.files).toMatchObject([{ name: 'big.iso', bytes: 12 * mebibyte }]);
    expect(transfer?.transferred).toBeGreaterThan(12 * mebibyte);
    expect(transfer?.transferred).toBeLessThan(12.1 * mebibyte);
  });

  it('names each file by its path in the share, sent or fetched', async () => {
    const names = (shown: Shown | undefined): unknown =>
      [...(shown?.files ?? [])].map(({ name }) => name).sort();
    const tree = ['a.txt', 'empty', 'sub/ü', 'two words.txt'];
    let before = (await log()).length;
    const step = async (...words: string[]): Promise<Shown | undefined> => {
      expect(await bob.rsync(words)).toMatchObject({ stderr: '', exitCode: 0 });
      const shown = await last(before);
      before += 1;
      return shown;
    };
    expect(names(await step('-a', 'tree/', `${bob.target}:in/`))).toEqual(
      tree.map((name) => `in/${name}`),
    );
    expect(names(await step('-aI', 'tree/a.txt', `${bob.target}:other.txt`))).toEqual([
      'other.txt',
    ]);
    expect(names(await step('-aI', 'tree/a.txt', `${bob.target}:in`))).toEqual(['in/a.txt']);
    const fetched = await step('-a', `${bob.target}:in/`, 'got');
    expect(fetched).toMatchObject({ direction: 'pull', fileCount: 4, bytes: 9 });
    expect(names(fetched)).toEqual(tree.map((name) => `in/${name}`));
    expect(await step(`${bob.target}:`)).toMatchObject({ direction: 'pull', fileCount: 0 });
    expect((await me.pysync(['log', '-n', '1'])).stdout).toContain('looked into');
  });

  it('counts only what came over, where a part was there', async () => {
    const before = (await log()).length;
    await bob.rsync(['-aI', '--no-W', 'big.iso', `${bob.target}:`]);
    const shown = await last(before);
    expect(shown).toMatchObject({ bytes: 12 * mebibyte });
    expect(shown?.transferred).toBeLessThan(mebibyte);
    const { stdout } = await me.pysync(['log', '-n', '1']);
    expect(stdout).toMatch(/sent 1 file, 12MB \([\d.]+KB over the network\), to /);
  });
});

describe('how a connection ended', () => {
  it('is told: interrupted, refused, failed, revoked', async () => {
    const carol = await createPeer({ account: me, sshd, netns: hosts.sender.netns });
    await me.pysync(['-i', carol.publicKey, '--name', 'carol']);
    const before = (await log('-n', '1000')).length;
    putFiles(carol.folder, { 'big.iso': randomBytes(12 * mebibyte) });
    const slowly = ['-a', '--bwlimit=1M', 'big.iso', `${carol.target}:cut.iso`];
    const cut = new AbortController();
    const isRunning = (): Promise<boolean> =>
      log('-n', '1').then(([one]) => one?.outcome === 'running');
    const interrupted = carol.rsync(slowly, { signal: cut.signal });
    await waitFor('it to run', isRunning);
    cut.abort();
    await interrupted;
    await last(before);
    await carol.ssh(['cat /etc/passwd']);
    await carol.rsync(['-a', `${carol.target}:not-there`, 'got']);
    await last(before + 2);
    const revoked = carol.rsync(slowly);
    await waitFor('it to run', isRunning);
    await me.pysync(['revoke', 'carol']);
    await revoked;
    await last(before + 3);

    const all = await log('--peer', 'carol');
    expect(all).toMatchObject([
      { outcome: 'interrupted', fileCount: 0, direction: 'push' },
      { outcome: 'refused', exitCode: null, command: 'cat /etc/passwd' },
      { outcome: 'failed', exitCode: 23, direction: 'pull' },
      { outcome: 'revoked', direction: 'push' },
    ]);
    const { stdout } = await me.pysync(['log', '--peer', 'carol']);
    expect(stdout).toMatch(/ {2}interrupted \(rsync code \d+\)\n/);
    expect(stdout).toMatch(/asked for: cat \/etc\/passwd {2,}refused: this key is for sending/);
    expect(stdout).toContain('failed: some files were not transferred (rsync code 23)\n');
    expect(stdout).toContain('ended: the key was revoked\n');
    carol.remove();
  });
});

describe('what is listed', () => {
  it('is as much as asked for, the newest last, and is in status as well', async () => {
    const all = await log('-n', '1000');
    expect(all.length).toBeGreaterThan(6);
    expect(await log('-n', '2')).toEqual(all.slice(-2));
    expect(await log('--since', '1h', '-n', '1000')).toEqual(all);
    expect(await log('--since', '0h')).toEqual([]);
    expect(await log('--since', '2999-12-31')).toEqual([]);
    expect(await log('--peer', 'nobody')).toEqual([]);
    const status = parseJson(
      await me.pysync(['status', '--json'], { netns: hosts.receiver.netns }),
    );
    const { last: newest } = status as { last: object[] };
    expect(newest).toHaveLength(3);
    expect(all.slice(-3)).toMatchObject(newest);
    const shown = await me.pysync(['log', '--since', '2999-12-31']);
    expect(shown).toMatchObject({ stdout: 'no such connection is in the history\n', exitCode: 0 });
  });

  it.each([
    ['-n', '0'],
    ['-n', 'many'],
    ['--since', 'yesterday'],
    ['--since', '2026-02-31'],
    ['more'],
  ])('is not guessed from %s %s', async (...words) => {
    expect(await me.pysync(['log', ...words])).toMatchObject({ stdout: '', exitCode: 2 });
  });
});
