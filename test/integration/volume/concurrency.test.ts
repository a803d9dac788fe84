/** Several at once: connections, senders, and commands that would take the volume from under them. */
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ExecResult } from '../../helpers/exec.js';
import type { Peer } from '../../helpers/peer.js';
import { waitFor } from '../../helpers/tmp.js';
import { mebibyte, mustSucceed, useVolumes } from '../../helpers/volumes.js';

const me = useVolumes();

interface Transfer {
  /** Cuts the connection. */
  readonly cut: () => void;
  readonly end: Promise<ExecResult>;
}

/** A transfer that takes a while; returns once a part of it has arrived. */
async function sendSlowly(peer: Peer, share: string, rate: string): Promise<Transfer> {
  writeFileSync(join(peer.folder, 'slow'), randomBytes(6 * mebibyte));
  const cut = new AbortController();
  const end = peer.rsync(['-a', `--bwlimit=${rate}`, 'slow', `${peer.target}:`], {
    signal: cut.signal,
  });
  await waitFor('a part to arrive', async () =>
    (await me.sh('ls -AR "$1"', share)).includes('\nslow.'),
  );
  return {
    cut: () => {
      cut.abort();
    },
    end,
  };
}

test('ten connections at once to an unmounted share mount it once, and all get through', async () => {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '32M');
  for (let i = 0; i < 10; i += 1) writeFileSync(join(peer.folder, `file${i}`), randomBytes(5000));
  mustSucceed(await me.account.pysync(['unmount', share]));
  expect(await me.serving(share)).toEqual([]);
  const sent = await Promise.all(
    Array.from({ length: 10 }, (_, i) => peer.rsync(['-a', `file${i}`, `${peer.target}:`])),
  );
  for (const result of sent) expect(result).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  expect(await me.serving(share)).toHaveLength(1);
  expect(await me.status(share)).toMatchObject({ state: 'mounted', files: 10 });
});

test('two peers send at once, and both sets are whole', async () => {
  const share = me.newShare();
  await me.cap(share, '64M');
  const peers = [await me.letIn(share), await me.letIn(share)];
  const sent = await Promise.all(
    peers.map(async (peer, i) => {
      const names = Array.from({ length: 40 }, (_, k) => `of${i}-${k}`);
      for (const name of names) writeFileSync(join(peer.folder, name), randomBytes(300_000));
      return peer.rsync(['-a', '--checksum', ...names, `${peer.target}:`]);
    }),
  );
  for (const result of sent) expect(result).toMatchObject({ stderr: '', exitCode: 0 });
  for (const [i, peer] of peers.entries()) {
    const names = Array.from({ length: 40 }, (_, k) => `of${i}-${k}`);
    const compared = await peer.rsync(['-anci', ...names, `${peer.target}:`]);
    expect(compared).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  }
  mustSucceed(await me.account.pysync(['unmount', share]));
  await me.sh('e2fsck -fn "$1" >&2', me.image(share));
});

test('a look into the share, as of a connection that is refused, does not keep it mounted', async () => {
  const share = me.newShare();
  await me.cap(share, '32M');
  const looking = me.sh('cd "$1" && echo in >"$HOME/looks" && exec sleep 1', share);
  await waitFor('the look', () => existsSync(join(me.account.home, 'looks')));
  mustSucceed(await me.account.pysync(['unmount', share]));
  expect(await me.serving(share)).toEqual([]);
  await looking;
});

test('connections that come while the volume grows wait and get through', async () => {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '32M');
  writeFileSync(join(peer.folder, 'file'), randomBytes(200_000));
  const growing = me.pysync(share, '--size', '64M', '--wait');
  const sent = await Promise.all(
    Array.from({ length: 4 }, (_, i) => peer.rsync(['-a', 'file', `${peer.target}:file${i}`])),
  );
  const grown = await growing;
  expect(grown).toMatchObject({ stderr: '', exitCode: 0 });
  for (const result of sent) expect(result).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  expect(await me.status(share)).toMatchObject({ size: 64 * mebibyte, state: 'mounted', files: 4 });
  expect(await me.serving(share)).toHaveLength(1);
});

test('nothing takes the volume away while somebody sends: the refusal names the sender', async () => {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '32M', '--name', 'bob');
  const { cut, end } = await sendSlowly(peer, share, '200K');
  const attempts = [
    me.pysync(share, '--size', '64M'),
    me.pysync(share, '--size', 'none'),
    me.account.pysync(['unmount', share]),
  ];
  for (const attempt of attempts) {
    const { stdout, stderr, exitCode } = await attempt;
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
    expect(stderr).toBe(
      [
        `pysync: ${share} is in use`,
        '  bob (127.0.0.1) is sending',
        '  try again when that has ended, or add --wait',
        '',
      ].join('\n'),
    );
  }
  const same = await me.pysync(share, '--size', '32M');
  expect(same).toMatchObject({ exitCode: 0 });
  expect(await me.status(share)).toMatchObject({ size: 32 * mebibyte, state: 'mounted' });
  cut();
  await end;
});

test('with --wait it is done once the transfer has ended, and the transfer is whole', async () => {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '32M');
  const { end } = await sendSlowly(peer, share, '3M');
  const growing = me.pysync(share, '--size', '40M', '--wait');
  expect(await end).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await growing).toMatchObject({ stderr: '', exitCode: 0 });
  const compared = await peer.rsync(['-anci', 'slow', `${peer.target}:`]);
  expect(compared).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  const again = await sendSlowly(peer, share, '3M').catch(() => undefined);
  again?.cut();
  await again?.end;
  const unmounted = await me.account.pysync(['unmount', '--wait', share]);
  expect(unmounted).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await me.serving(share)).toEqual([]);
  expect(await me.status(share)).toMatchObject({ size: 40 * mebibyte });
});
