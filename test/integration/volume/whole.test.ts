/**
 * The whole life of a capped share with libguestfs really at work, which takes half a minute where
 * qemu has to emulate; the same where guestmount mounts it; and as root, for whom the kernel does.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { borrowUser } from '../../helpers/account.js';
import { exec, mustExec } from '../../helpers/exec.js';
import type { Peer } from '../../helpers/peer.js';
import { needsRoot } from '../../helpers/root.js';
import { giveDisk, mebibyte, mustSucceed, useVolumes } from '../../helpers/volumes.js';
import type { Volumes } from '../../helpers/volumes.js';

/** Writes a random file of the peer's; such data no file system can make smaller. */
function makeFile(peer: Peer, name: string, megabytes: number): void {
  const path = join(peer.folder, name);
  writeFileSync(path, '');
  const chunk = randomBytes(mebibyte);
  for (let i = 0; i < megabytes; i += 1) {
    chunk.writeUInt32LE(i);
    writeFileSync(path, chunk, { flag: 'a' });
  }
}

/** Fills the share by a peer to the last byte, frees some of it and continues. */
async function live(
  me: Volumes,
  share: string,
  peer: Peer,
  cap: number,
  timeoutMs = 60_000,
): Promise<void> {
  const part = Math.floor(cap / mebibyte / 4);
  for (const name of ['a', 'b', 'c', 'd']) makeFile(peer, name, part);
  const filled = await peer.rsync(['-a', 'a', 'b', 'c', 'd', `${peer.target}:`], {
    timeoutMs: 2 * timeoutMs,
  });
  expect(filled.exitCode).toBe(11);
  expect(filled.stderr).toContain('No space left on device (28)');
  const [ours = '', ...more] = filled.stderr
    .split('\n')
    .filter((line) => line.startsWith('pysync:'));
  expect(more).toEqual([]);
  expect(ours).toMatch(
    /^pysync: what was sent does not fit: the share's cap is \S+, and \S+ of it is free$/,
  );

  // To the last byte.
  await me.sh('cat /dev/urandom > "$1/rest" || sync -f "$1"', share);
  expect((await me.status(share)).free).toBeLessThan(mebibyte);
  for (const name of ['a', 'b', 'c']) {
    const compared = await peer.rsync(['-nci', name, `${peer.target}:`], { timeoutMs });
    expect(compared).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  }

  await me.sh('rm "$1/rest" "$1/a"', share);
  const next = await peer.rsync(['-a', 'd', `${peer.target}:`], { timeoutMs });
  expect(next).toEqual({ stdout: '', stderr: '', exitCode: 0 });
}

/** After `live`: what was written there is found again by the next connection. */
async function findAgain(me: Volumes, share: string, peer: Peer): Promise<void> {
  await patiently(async () => {
    mustSucceed(await me.account.pysync(['unmount', share], { timeoutMs: 240_000 }));
  });
  const again = await peer.rsync(['-nci', 'b', 'c', 'd', `${peer.target}:`]);
  expect(again).toEqual({ stdout: '', stderr: '', exitCode: 0 });
}

describe('an ordinary user with libguestfs', () => {
  const me = useVolumes();
  let cache: string | undefined;

  afterAll(async () => {
    if (cache !== undefined) await exec(['rm', '-rf', cache]);
  });

  test(
    'a cap of 1G takes no more than that from the disk, and works to the last byte',
    { timeout: 300_000 },
    async () => {
      needsRoot('a disk');
      cache = `/var/tmp/.guestfs-${me.account.uid}`;
      const disk = me.account.home;
      await giveDisk(disk, me.account, 1400 * mebibyte);
      const used = async (): Promise<number> =>
        Number((await mustExec(['df', '-B1', '--output=used', disk])).stdout.split('\n')[1]);
      const share = me.newShare();
      const peer = await me.letIn(share);
      const before = await used();
      const words = ['--dir', share, '--size', '1G', '--engine', 'libguestfs', '--json'];
      const { stdout, stderr, exitCode } = await me.account.pysync(words, { timeoutMs: 150_000 });
      expect({ stderr, exitCode }).toMatchObject({ exitCode: 0 });
      const report = JSON.parse(stdout) as { usable: number; engine: string };
      expect(report.engine).toBe('libguestfs');
      expect(report.usable / 1024 / mebibyte).toBeGreaterThan(0.925);
      await live(me, share, peer, 1024 * mebibyte);
      await findAgain(me, share, peer);
      // Beside the image: the record, the logs, and the blocks that list the image's blocks.
      expect((await used()) - before).toBeLessThan(1024 * mebibyte + 512 * 1024);
    },
  );
});

describe('an ordinary user whose volume guestmount mounts', () => {
  const me = useVolumes();

  test('the whole of it works, if slowly', { timeout: 600_000 }, async () => {
    const share = me.newShare();
    const peer = await me.letIn(share, '--size', '32M');
    mustSucceed(await me.account.pysync(['unmount', share]));
    // As it would be had there been no fuse2fs. The first connection mounts it.
    recordMount('guestmount');
    await live(me, share, peer, 32 * mebibyte, 240_000);
    expect(await me.status(share)).toMatchObject({ state: 'mounted', mount: 'guestmount' });
    const { stdout } = await mustExec(['grep', ` ${share} `, '/proc/self/mountinfo']);
    expect(stdout).toMatch(/ rw,nosuid,nodev,noexec.* - fuse \S+\.img /);
    mustSucceed(await me.account.pysync(['unmount', share], { timeoutMs: 240_000 }));
    // And it is the user's, however it is mounted next.
    recordMount('fuse2fs');
    await findAgain(me, share, peer);
  });

  function recordMount(name: string): void {
    const file = join(me.account.home, '.local/share/pysync/shares.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/"mount": "\w+"/, `"mount": "${name}"`));
  }
});

describe('root', () => {
  beforeAll(() => {
    needsRoot('a mount by root');
  });
  let home = '';
  const me = useVolumes({
    createAccount: () => {
      const account = borrowUser();
      home = account.home;
      mkdirSync(join(home, '.ssh'), { mode: 0o700 });
      return account;
    },
    // Root's own keys and home are none of the test's business.
    extraConfig: () => [
      'PermitRootLogin prohibit-password',
      'StrictModes no',
      `AuthorizedKeysFile ${home}/.ssh/authorized_keys`,
      `SetEnv HOME=${home}`,
    ],
  });

  test('the kernel mounts the volume, and the whole of it works', async () => {
    const share = me.newShare();
    const peer = await me.letIn(share);
    await patiently(() => me.cap(share, '64M', '--yes'));
    expect(await me.status(share)).toMatchObject({ mount: 'loop', state: 'mounted', files: 0 });
    const { stdout } = await mustExec(['grep', ` ${share} `, '/proc/self/mountinfo']);
    expect(stdout).toMatch(/ rw,nosuid,nodev,noexec.* - ext4 \/dev\/loop\d+ /);
    await live(me, share, peer, 64 * mebibyte);
    await findAgain(me, share, peer);
    const before = await me.sums(share);
    for (const size of ['96M', '72M']) {
      await patiently(() => me.cap(share, size));
      expect(await me.sums(share)).toEqual(before);
    }
    // As after a crash: nothing is mounted, and what was written is there.
    await mustExec(['umount', share]);
    expect(await peer.rsync(['-nci', 'd', `${peer.target}:`])).toMatchObject({ exitCode: 0 });
    expect(await me.sums(share)).toEqual(before);
    await patiently(async () => {
      mustSucceed(await me.pysync(share, '--size', 'none', '--yes'));
    });
    expect(await me.sums(share)).toEqual(before);
    const loops = await mustExec(['losetup', '--list', '--noheadings', '--output', 'BACK-FILE']);
    expect(loops.stdout).not.toContain(home);
  }, 180_000);
});

/**
 * A network namespace that another test file makes meanwhile takes a copy of root's mounts with it.
 * pysync rightly says that the volume is in use then, until that host is gone.
 */
async function patiently(work: () => Promise<unknown>): Promise<void> {
  const attempt = (): Promise<string> =>
    work().then(
      () => 'done',
      (error: unknown) => String(error),
    );
  await expect.poll(attempt, { timeout: 100_000, interval: 1000 }).toBe('done');
}
