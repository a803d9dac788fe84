/** What becomes of the connections of a key that is revoked while they last. */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { account, serve } from '../../helpers/github.js';
import { parseJson } from '../../helpers/home.js';
import type { Peer } from '../../helpers/peer.js';
import { createReceiver } from '../../helpers/receiver.js';
import type { Receiver } from '../../helpers/receiver.js';
import { waitFor } from '../../helpers/tmp.js';
import type { ExecResult } from '../../helpers/exec.js';

let receiver: Receiver;

beforeAll(async () => {
  receiver = await createReceiver();
});

afterAll(() => receiver.remove());

async function running(): Promise<{ peer: string }[]> {
  const status = await receiver.account.pysync(['--json']);
  return (parseJson(status) as { running: { peer: string }[] }).running;
}

/** Starts to send `name` so slowly that it is not done in this test. */
function sendSlowly(peer: Peer, name: string, signal: AbortSignal): Promise<ExecResult> {
  writeFileSync(join(peer.folder, name), Buffer.alloc(64 * 1024 * 1024, name));
  return peer.rsync(['--inplace', '--bwlimit=2M', name, `${peer.target}:`], { signal });
}

const sizeOf = (name: string): number =>
  statSync(join(receiver.share, name), { throwIfNoEntry: false })?.size ?? 0;

describe('revoking a key', () => {
  it('ends its running transfer at once, and no other', async () => {
    const bob = await receiver.letIn('--name', 'bob');
    const carol = await receiver.letIn('--name', 'carol');
    const test = new AbortController();
    const fromBob = sendSlowly(bob, 'bob.bin', test.signal);
    const fromCarol = sendSlowly(carol, 'carol.bin', test.signal);
    await waitFor('both to arrive in part', () => sizeOf('bob.bin') > 0 && sizeOf('carol.bin') > 0);
    expect((await running()).map(({ peer }) => peer).sort()).toEqual(['bob', 'carol']);

    const revoked = await receiver.account.pysync(['revoke', 'bob']);
    expect(revoked).toMatchObject({ stderr: '', exitCode: 0 });
    expect(revoked.stdout).toContain('ended a running transfer of bob from 127.0.0.1\n');
    expect((await fromBob).exitCode).not.toBe(0);
    const [atTheEnd, soFar] = [sizeOf('bob.bin'), sizeOf('carol.bin')];
    await waitFor('more to arrive from carol', () => sizeOf('carol.bin') > soFar);
    expect(sizeOf('bob.bin')).toBe(atTheEnd);
    expect((await running()).map(({ peer }) => peer)).toEqual(['carol']);
    expect(receiver.logs().at(-1)).toMatch(/\npysync-end \d+\n$/);
    test.abort();
    await fromCarol;
  });

  it('is what a refresh does with one that is gone from GitHub, its transfer included', async () => {
    const dora = await receiver.letIn('--name', 'dora');
    const lines = join(receiver.account.home, '.ssh/authorized_keys');
    const fromGithub = '/ --peer dora /s/--source argument/--source gh:dora --account 7/';
    await receiver.account.run(['sed', '-i', fromGithub, lines]);
    const test = new AbortController();
    const fromDora = sendSlowly(dora, 'dora.bin', test.signal);
    await waitFor('a part to arrive', () => sizeOf('dora.bin') > 0);
    const { url } = await serve(account('dora', [], 7));
    const env = { GITHUB_API_URL: url };
    const refreshed = await receiver.account.pysync(['refresh', 'dora', '--yes'], { env });
    expect(refreshed).toMatchObject({ stderr: '', exitCode: 0 });
    expect(refreshed.stdout).toContain('ended a running transfer of dora from 127.0.0.1\n');
    expect((await fromDora).exitCode).not.toBe(0);
    test.abort();
    expect(await running()).toEqual([]);
  });

  it('leaves nothing to a connection that is open already', async () => {
    const bob = await receiver.letIn('--name', 'bob');
    writeFileSync(join(bob.folder, 'one'), '1');
    writeFileSync(join(bob.folder, 'two'), '2');
    expect(await bob.rsync(['one', `${bob.target}:`])).toMatchObject({ stderr: '', exitCode: 0 });
    await receiver.account.pysync(['revoke', 'bob']);

    const refused = await bob.rsync(['two', `${bob.target}:`]);
    expect(refused.stderr).toContain('pysync: what this key may do has changed\n');
    expect(refused.exitCode).not.toBe(0);
    expect(receiver.listShare()).toContain('one');
    expect(receiver.listShare()).not.toContain('two');
    // The control: it was the same connection, and it still stands.
    const master = await bob.ssh([], { sshOptions: ['-O', 'check'] });
    expect(master.stderr).toContain('Master running');
  });

  it('is seen by an open connection when the key is imported again with less', async () => {
    const bob = await receiver.letIn('--name', 'bob');
    writeFileSync(join(bob.folder, 'three'), '3');
    expect(await bob.rsync([`${bob.target}:one`, 'fetched'])).toMatchObject({ exitCode: 0 });
    await receiver.account.pysync(['-i', bob.publicKey, '--name', 'bob', '--access', 'read-only']);
    const refused = await bob.rsync(['three', `${bob.target}:`]);
    expect(refused.stderr).toContain('close this connection and try again');
    expect(receiver.listShare()).not.toContain('three');
  });
});
