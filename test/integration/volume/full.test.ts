/** A full volume: what its senders are told, what is kept, and that it can be used again. */
import { writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exec } from '../../helpers/exec.js';
import type { Peer } from '../../helpers/peer.js';
import { putFiles } from '../../helpers/receiver.js';
import { mebibyte, useVolumes } from '../../helpers/volumes.js';

const me = useVolumes();

/** `count` random files of `size` bytes, in a folder of the peer's. */
function makeFiles(peer: Peer, folder: string, count: number, size: number): void {
  const names = Array.from({ length: count }, (_, i) => `${folder}-${i}`);
  putFiles(
    join(peer.folder, folder),
    Object.fromEntries(names.map((name) => [name, randomBytes(size)])),
  );
}

test('the sender gets rsync’s own words and our line, whole files stay, and deleting makes room', async () => {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '32M');
  makeFiles(peer, 'set', 6, 6 * mebibyte);
  writeFileSync(join(peer.folder, 'old'), 'the old version\n');
  expect(await peer.rsync(['-a', 'old', `${peer.target}:`])).toMatchObject({ exitCode: 0 });

  const sent = await peer.rsync(['-a', 'set/', `${peer.target}:set/`]);
  expect(sent.exitCode).toBe(11);
  expect(sent.stderr).toContain('No space left on device (28)');
  const ours = sent.stderr.split('\n').filter((line) => line.startsWith('pysync:'));
  expect(ours).toHaveLength(1);
  expect(ours[0]).toMatch(
    /^pysync: what was sent does not fit: the share's cap is 32MB, and \d+(\.\d+)?[KM]?B of it is free$/,
  );

  // A larger version of a file there is does not fit either, and leaves the old one.
  writeFileSync(join(peer.folder, 'old'), randomBytes(12 * mebibyte));
  const grown = await peer.rsync(['-a', 'old', `${peer.target}:`]);
  expect(grown.exitCode).toBe(11);
  expect(await me.sh('cat "$1/old"', share)).toBe('the old version\n');

  // What is there under its own name is whole.
  const whole = await me.sums(join(share, 'set'));
  expect(whole.length).toBeGreaterThan(2);
  const list = whole.map((line) => `${line.replace('./', 'set/')}\n`).join('');
  const check = ['sha256sum', '--check', '--quiet'];
  expect(await exec(check, { cwd: peer.folder, input: list })).toMatchObject({ exitCode: 0 });

  await me.sh('rm "$1"/set/set-0 "$1"/set/set-1', share);
  writeFileSync(join(peer.folder, 'next'), randomBytes(10 * mebibyte));
  expect(await peer.rsync(['-a', 'next', `${peer.target}:`])).toMatchObject({
    stderr: '',
    exitCode: 0,
  });
  expect(await me.status(share)).toMatchObject({ state: 'mounted', notes: [] });
});

/** Ten logins at once, or thousands of files, take fuse2fs a while beside other work. */
const slow = { timeout: 300_000 };

test(
  'ten senders at once fill it; it heals by itself, every finished file is whole',
  slow,
  async () => {
    const share = me.newShare();
    await me.cap(share, '48M');
    const peers = await Promise.all(Array.from({ length: 10 }, () => me.letIn(share)));
    const results = await Promise.all(
      peers.map(async (peer, i) => {
        makeFiles(peer, `set${i}`, 8, mebibyte);
        // Not --out-format: that names a file when it was sent, and this removes it once it is there.
        const words = ['-a', '--remove-source-files', `set${i}`, `${peer.target}:`];
        const before = await sumsOfPeer(peer);
        const { stderr, exitCode } = await peer.rsync(words, { timeoutMs: 200_000 });
        const left = new Set(await sumsOfPeer(peer));
        const done = before.filter((line) => !left.has(line));
        return { peer, before, done, stderr, exitCode };
      }),
    );
    const failed = results.filter(({ exitCode }) => exitCode !== 0);
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.map(({ stderr }) => stderr).join()).toContain(
      'pysync: what was sent does not fit',
    );

    // status repairs what several at once may have done to the file system.
    await expect
      .poll(async () => (await me.status(share)).state, { timeout: 20_000 })
      .toBe('mounted');
    const sums = new Set(await me.sums(share));
    expect(sums.size).toBeGreaterThan(20);
    const sent = results.flatMap(({ before }) => before);
    // rsync cannot remove its own temporary files from a volume that takes no more writes.
    const isTemporary = (line: string): boolean => /\/\.pysync\/\w+\/tmp\/[^/]+$/.test(line);
    expect([...sums].filter((line) => !sent.includes(line) && !isTemporary(line))).toEqual([]);
    for (const line of results.flatMap(({ done }) => done)) expect(sums).toContain(line);

    // On a volume that full, fuse2fs 1.47.0 may fail at removing as well; the next status repairs it.
    const remove = async (): Promise<number> => {
      const { exitCode } = await me.account.run([
        'rm',
        '-rf',
        ...[0, 1, 2].map((i) => `${share}/set${i}`),
      ]);
      if (exitCode !== 0) await me.status(share);
      return exitCode;
    };
    await expect.poll(remove, { timeout: 20_000 }).toBe(0);
    const [peer] = peers;
    if (peer === undefined) throw new Error('no peer');
    makeFiles(peer, 'again', 8, mebibyte);
    const again = await peer.rsync(['-a', 'again', `${peer.target}:`]);
    expect(again).toMatchObject({ stderr: '', exitCode: 0 });
    await me.account.pysync(['unmount', share]);
    await me.sh('e2fsck -fn "$1" >&2', me.image(share));
  },
);

async function sumsOfPeer(peer: Peer): Promise<string[]> {
  const script = 'find . -path "./set*" -type f -exec sha256sum {} +';
  const { stdout } = await exec(['sh', '-c', script], { cwd: peer.folder });
  return stdout.split('\n').filter(Boolean);
}

test('when it can take no more files, that is told apart from a lack of bytes', slow, async () => {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '32M');
  // One inode for 8 KiB: some 4000 of them.
  const script = 'cd "$0"; mkdir few; cd few; seq 4200 | xargs touch 2>/dev/null || true';
  await me.account.run(['sh', '-euc', script, share], { timeoutMs: 200_000 });
  putFiles(peer.folder, { 'many/a': 'a', 'many/b': 'b' });
  const { stderr, exitCode } = await peer.rsync(['-a', 'many', `${peer.target}:`]);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain('No space left on device (28)');
  expect(stderr).toMatch(
    /^pysync: what was sent does not fit: the share's cap is 32MB, and it holds \d+ files, as many as it can$/m,
  );
  const { free = 0, files = 0 } = await me.status(share);
  expect(free).toBeGreaterThan(20 * mebibyte);
  expect(files).toBeGreaterThan(4000);
  await me.sh('rm -r "$1/few"', share);
  expect(await peer.rsync(['-a', 'many', `${peer.target}:`])).toMatchObject({ exitCode: 0 });
});
