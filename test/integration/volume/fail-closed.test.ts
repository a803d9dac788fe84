/**
 * What may be in the way of a volume: files under its mount point, a program that died, an image
 * that is gone, cut off or mounted already. Either it is fixed, or nobody gets in; never does a
 * byte go into the bare directory.
 */
import { readdirSync, renameSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { needsRoot } from '../../helpers/root.js';
import { endTree } from '../../helpers/run-folder.js';
import { mustExec } from '../../helpers/exec.js';
import type { ExecResult } from '../../helpers/exec.js';
import type { Peer } from '../../helpers/peer.js';
import { putFiles } from '../../helpers/receiver.js';
import { mustSucceed, useVolumes } from '../../helpers/volumes.js';

const me = useVolumes();

async function createShare(): Promise<{ share: string; peer: Peer }> {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '32M');
  putFiles(peer.folder, { 'first.txt': 'first\n', 'second.txt': 'second\n' });
  expect(await send(peer, 'first.txt')).toMatchObject({ stderr: '', exitCode: 0 });
  return { share, peer };
}

const send = (peer: Peer, name: string): Promise<ExecResult> =>
  peer.rsync(['-a', name, `${peer.target}:`]);

const unmount = async (share: string): Promise<void> => {
  mustSucceed(await me.account.pysync(['unmount', share]));
};

/** Nobody gets in, the sender learns no path, and the owner is told by status. */
async function expectClosed(share: string, peer: Peer, state: string, reason: RegExp) {
  const before = readdirSync(share);
  for (const words of [
    ['second.txt', `${peer.target}:`],
    [`${peer.target}:first.txt`, 'got'],
  ]) {
    const { stdout, stderr, exitCode } = await peer.rsync(['-a', ...words]);
    expect(stdout).toBe('');
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(
      'pysync: this share cannot be used now: its volume is not available\n' +
        '  its owner can see why with: pysync status\n',
    );
    expect(stderr).not.toContain(me.account.home);
  }
  expect(readdirSync(share)).toEqual(before);
  const volume = await me.status(share);
  expect(volume.state).toBe(state);
  expect(volume.notes.join('\n')).toMatch(reason);
  const mounted = await me.account.pysync(['mount', share]);
  expect(mounted.exitCode).toBe(1);
  expect(mounted.stderr.split('\n')[0]).toMatch(/^pysync: \S.*[^.]$/);
}

test('files under the mount point are moved aside and reported, and never hidden', async () => {
  const { share, peer } = await createShare();
  await unmount(share);
  await me.sh('cd "$1"; echo mine > found.txt; mkdir -p a/b; echo deep > a/b/c', share);
  expect(await send(peer, 'second.txt')).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await me.sh('cd "$1"; cat *', share)).toBe('first\nsecond\n');
  const [note = ''] = (await me.status(share)).notes;
  expect(note).toMatch(/^files that lay under the mount point are in \S+\.found-\S+$/);
  const aside = note.split(' ').pop() ?? '';
  expect(await me.sh('cd "$1"; cat found.txt a/b/c', aside)).toBe('mine\ndeep\n');
  await unmount(share);
  expect(readdirSync(share)).toEqual([]);
});

test('the next connection repairs a mount whose program was killed', async () => {
  const { share, peer } = await createShare();
  const [pid = 0] = await me.serving(share);
  await endTree(pid);
  await expect(me.sh('ls "$1"', share)).rejects.toThrow(/not connected|abort/);
  expect(await send(peer, 'second.txt')).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await me.sh('cd "$1"; cat *', share)).toBe('first\nsecond\n');

  const [next = 0] = await me.serving(share);
  await endTree(next);
  const volume = await me.status(share);
  expect(volume.state).toBe('mounted');
  expect(volume.notes.join('\n')).toMatch(/had died; it was mounted again/);
  expect(volume.notes.join('\n')).toMatch(/it was checked and repaired/);
});

test('an image that is renamed away keeps everybody out, and its return lets them in', async () => {
  const { share, peer } = await createShare();
  await unmount(share);
  const image = me.image(share);
  renameSync(image, `${image}.elsewhere`);
  await expectClosed(
    share,
    peer,
    'absent',
    /nobody can send into it: .*is not there\nput it back as/,
  );
  renameSync(`${image}.elsewhere`, image);
  expect(await send(peer, 'second.txt')).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await me.sh('cd "$1"; cat *', share)).toBe('first\nsecond\n');
});

test('an image that was renamed away under the mount keeps everybody out as well', async () => {
  const { share, peer } = await createShare();
  const image = me.image(share);
  renameSync(image, `${image}.elsewhere`);
  const sent = await send(peer, 'second.txt');
  expect(sent.exitCode).not.toBe(0);
  expect(sent.stderr).toContain('pysync: this share cannot be used now');
  expect(await me.status(share)).toMatchObject({ state: 'absent' });
  renameSync(`${image}.elsewhere`, image);
  expect(await send(peer, 'second.txt')).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await me.sh('cd "$1"; cat *', share)).toBe('first\nsecond\n');
});

test('an image that was cut off is kept as it is, and status says how to rescue it', async () => {
  const { share, peer } = await createShare();
  await unmount(share);
  const image = me.image(share);
  truncateSync(image, 20 * 2 ** 20);
  await expectClosed(
    share,
    peer,
    'failed',
    /is damaged\nit is kept as .*\nto rescue .*\nthen: e2fsck/,
  );
  expect(statSync(image).size).toBe(20 * 2 ** 20);
  // Nor does any command make something of it.
  for (const size of ['--size=64M', '--size=none']) {
    const { stderr, exitCode } = await me.pysync(share, size);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^pysync: the disk image of \S+ is damaged\n/);
  }
  expect(statSync(image).size).toBe(20 * 2 ** 20);
});

test('an image overwritten with something else is refused', async () => {
  const { share, peer } = await createShare();
  await unmount(share);
  await me.sh('head -c 32M /dev/urandom | dd of="$1" conv=notrunc status=none', me.image(share));
  await expectClosed(share, peer, 'failed', /is damaged/);
});

test('an image that is mounted elsewhere already is not mounted a second time', async () => {
  const { share, peer } = await createShare();
  await unmount(share);
  const image = me.image(share);
  const elsewhere = join(me.account.home, 'elsewhere');
  await me.sh('mkdir "$2"; flock "$1.lock" fuse2fs "$1" "$2" -o fakeroot', image, elsewhere);
  const { stderr, exitCode } = await me.account.pysync(['mount', share]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^pysync: the disk image of \S+ is mounted on \S+\/elsewhere already\n/);
  expect((await send(peer, 'second.txt')).exitCode).not.toBe(0);
  expect(readdirSync(share)).toEqual([]);
  await me.sh('fusermount3 -u "$2"; flock -w 20 "$1.lock" true', image, elsewhere);
  expect(await send(peer, 'second.txt')).toMatchObject({ stderr: '', exitCode: 0 });
});

test('anything else mounted on the share is left there, and nobody gets in', async () => {
  needsRoot('mounting');
  const { share, peer } = await createShare();
  await unmount(share);
  await mustExec(['mount', '-t', 'tmpfs', 'none', share]);
  await expectClosed(share, peer, 'ready', /something else is mounted on/);
  await mustExec(['umount', share]);
  expect(await send(peer, 'second.txt')).toMatchObject({ stderr: '', exitCode: 0 });
});

test('a record that cannot be read keeps everybody out', async () => {
  const { share, peer } = await createShare();
  await unmount(share);
  const record = join(me.account.home, '.local/share/pysync/shares.json');
  await me.sh('mv "$1" "$1.kept"; echo "{}" > "$1"', record);
  const { stderr, exitCode } = await send(peer, 'second.txt');
  expect(exitCode).not.toBe(0);
  expect(stderr).toMatch(/^pysync: the receiving side has a problem/);
  expect(readdirSync(share)).toEqual([]);
  expect((await me.account.pysync(['status'])).stderr).toMatch(/shares\.json cannot be read/);
  await me.sh('mv "$1.kept" "$1"', record);
  expect(await send(peer, 'second.txt')).toMatchObject({ stderr: '', exitCode: 0 });
});
