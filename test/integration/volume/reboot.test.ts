/** After a reboot nothing runs and nothing is mounted; the next rsync of a peer just works. */
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { endUser, unmountBelow } from '../../helpers/run-folder.js';
import { waitFor } from '../../helpers/tmp.js';
import { mebibyte, mustSucceed, useVolumes } from '../../helpers/volumes.js';

const me = useVolumes();

/** As the power goes: all of the account's processes end at once, and its mounts are gone. */
async function reboot(): Promise<void> {
  await endUser(me.account.uid);
  unmountBelow(me.account.home);
}

test('the next rsync from a peer just works, after a shutdown and after a crash in a transfer', async () => {
  if (process.getuid?.() !== 0) throw new Error('a reboot needs root; run the tests with sudo');
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

  const cut = peer.rsync(['-a', '--bwlimit=2M', 'large', `${peer.target}:`]);
  await waitFor('a part of it', async () =>
    (await me.sh('ls -AR "$1"', share)).includes('\nlarge.'),
  );
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
