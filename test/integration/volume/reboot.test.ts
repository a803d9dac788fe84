/** After a reboot nothing runs and nothing is mounted; the next rsync of a peer just works. */
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { needsRoot } from '../../helpers/root.js';
import { endUser, unmountBelow } from '../../helpers/run-folder.js';
import { waitFor } from '../../helpers/tmp.js';
import { mebibyte, mustSucceed, useVolumes } from '../../helpers/volumes.js';

const me = useVolumes();

/** As the power goes: all of the account's processes end at once, and its mounts are gone. */
async function reboot(): Promise<void> {
  await endUser(me.account.uid);
  unmountBelow(me.account.home);
}

/** Whether more than so many bytes of this file have come. */
async function hasPart(share: string, name: string, bytes: number): Promise<boolean> {
  const script = 'find "$1/.pysync" -name "$2.*" -size "+$3c" 2>&- || true';
  return (await me.sh(script, share, name, String(bytes))) !== '';
}

test('the next rsync from a peer just works, after a shutdown and after a crash in a transfer', async () => {
  needsRoot('a reboot');
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '48M');
  writeFileSync(join(peer.folder, 'first'), randomBytes(2 * mebibyte));
  writeFileSync(join(peer.folder, 'large'), randomBytes(8 * mebibyte));
  mustSucceed(await peer.rsync(['-a', 'first', `${peer.target}:`]));
  const first = await me.sums(share);

  await reboot();
  expect(readdirSync(share)).toEqual([]);
  const compared = await peer.rsync(['-anci', 'first', `${peer.target}:`]);
  expect(compared).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  expect(await me.serving(share)).toHaveLength(1);

  const cut = peer.rsync(['-a', '--bwlimit=1M', 'large', `${peer.target}:`]);
  await waitFor('a part of it', () => hasPart(share, 'large', 0));
  await reboot();
  expect((await cut).exitCode).not.toBe(0);
  expect(readdirSync(share)).toEqual([]);
  const resumed = await peer.rsync(['-a', 'large', `${peer.target}:`]);
  expect(resumed).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  const both = await peer.rsync(['-anci', 'first', 'large', `${peer.target}:`]);
  expect(both).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  expect(await me.sums(share)).toEqual(expect.arrayContaining(first));
  expect(await me.status(share)).toMatchObject({ state: 'mounted', notes: [] });
});

test('what has arrived before a crash is delivered, and what has not is continued', async () => {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '48M', '--access', 'write-only');
  writeFileSync(join(peer.folder, 'a-whole'), randomBytes(mebibyte));
  writeFileSync(join(peer.folder, 'part'), randomBytes(8 * mebibyte));
  const words = ['-aP', '--stats', 'a-whole', 'part', `${peer.target}:`];
  const cut = peer.rsync(['--bwlimit=1M', ...words]);
  await waitFor('a part', () => hasPart(share, 'part', mebibyte));
  await reboot();
  expect((await cut).exitCode).not.toBe(0);
  const rerun = await peer.rsync(words);
  expect(rerun).toMatchObject({ stderr: '', exitCode: 0 });
  expect(rerun.stdout).not.toContain('Matched data: 0 bytes');
});

test('what has arrived whole before a crash is delivered by the next session of anybody', async () => {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '48M', '--access', 'write-only');
  writeFileSync(join(peer.folder, 'a-whole'), randomBytes(mebibyte));
  writeFileSync(join(peer.folder, 'part'), randomBytes(8 * mebibyte));
  const cut = peer.rsync(['-a', '--bwlimit=1M', 'a-whole', 'part', `${peer.target}:`]);
  await waitFor('a part', () => hasPart(share, 'part', mebibyte));
  await reboot();
  expect((await cut).exitCode).not.toBe(0);
  const other = await peer.rsync(['-a', 'part', `${peer.target}:else/`]);
  expect(other).toMatchObject({ stderr: '', exitCode: 0 });
  expect((await me.sh('ls -A "$1"', share)).split('\n')).toEqual(
    expect.arrayContaining(['a-whole', 'else']),
  );
});
