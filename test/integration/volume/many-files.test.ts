/** A volume runs out of files as it does of bytes: how many fit, and what each side is told. */
import { expect, test } from 'vitest';
import { putFiles } from '../../helpers/receiver.js';
import { mebibyte, useVolumes } from '../../helpers/volumes.js';
import type { VolumeStatus } from '../../helpers/volumes.js';

const me = useVolumes();

type Counted = VolumeStatus & { readonly entries: number; readonly filesLeft: number };

const statusOf = async (share: string): Promise<Counted> => (await me.status(share)) as Counted;

const doctor = async (share: string): Promise<string> => {
  const { stdout } = await me.account.pysync(['doctor', 'volumes']);
  const lines = stdout.split('\n');
  const first = lines.findIndex((line) => line.includes(`${share}: `));
  return lines.slice(first, first + 5).join('\n');
};

/** Empty files, which take no blocks, until there can be no more; all in few folders. */
const fillWithFiles = (share: string): Promise<string> =>
  me.sh(
    'cd "$1"; for d in a b c; do mkdir $d; seq 1500 | (cd $d && xargs touch 2>/dev/null) || break; done',
    share,
  );

test('there is a file for each block, and status and doctor say how many fit', async () => {
  const share = me.newShare();
  await me.cap(share, '100M');
  const before = await statusOf(share);
  expect(before.filesLeft).toBeGreaterThan((100 * mebibyte) / 4096 - 1000);
  expect(before.entries).toBe(0);
  await me.sh('cd "$1"; mkdir d; echo a >d/a; ln -s a d/b', share);
  const after = await statusOf(share);
  expect(after).toMatchObject({ entries: 3, files: 2, filesLeft: before.filesLeft - 3 });
  const { stdout } = await me.account.pysync(['status']);
  expect(stdout).toContain(`, room for ${after.filesLeft} more files\n`);
  expect(await doctor(share)).toContain(
    `3 files and folders are in it, and ${after.filesLeft} more fit`,
  );
});

/** fuse2fs makes a hundred files a second, and fewer beside other work. */
const slow = { timeout: 300_000 };

test('when files have run out, all three say so, and no byte is blamed', slow, async () => {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '32M');
  await fillWithFiles(share);
  putFiles(peer.folder, { 'many/a': 'a', 'many/b': 'b' });
  const { stderr, exitCode } = await peer.rsync(['-a', 'many', `${peer.target}:`]);
  expect(exitCode).not.toBe(0);
  const { entries, filesLeft, free = 0 } = await statusOf(share);
  expect(filesLeft).toBe(0);
  expect(free).toBeGreaterThan(20 * mebibyte);
  expect(stderr).toContain(
    `pysync: what was sent does not fit: the share's cap is 32MB, and it holds ${entries} files, as many as it can\n  files have run out, and not bytes: `,
  );
  const status = await me.account.pysync(['status']);
  expect(status.stdout).toContain(`no more files fit, though bytes are free: it holds ${entries} `);
  expect(status.stdout).toContain(', room for 0 more files\n');
  expect(await doctor(share)).toMatch(
    /problem .*: it holds as many files as it can, so no more can be sent\n.*free of.*\n.* 0 more fit\n/,
  );

  // A larger cap takes more files; and it does not shrink below those that are there.
  await me.cap(share, '64M');
  expect((await statusOf(share)).filesLeft).toBeGreaterThan(3000);
  expect(await peer.rsync(['-a', 'many', `${peer.target}:`])).toMatchObject({ exitCode: 0 });
  const smaller = await me.pysync(share, '--size', '32M');
  expect(smaller.stderr).toMatch(
    /^pysync: what is stored in \S+ would not fit\n {2}the smallest size possible now is 33MB\n/,
  );
});

test('bytes that have run out are told as such, with how many files are there and still fit', async () => {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '32M');
  await me.sh('head -c 40M /dev/zero >"$1/all" || sync -f "$1"', share);
  putFiles(peer.folder, { more: 'x'.repeat(100_000) });
  const { stderr, exitCode } = await peer.rsync(['-a', 'more', `${peer.target}:`]);
  expect(exitCode).not.toBe(0);
  expect(stderr).toMatch(/of it is free\n {2}files and folders in it: 1, and \d{4} more fit\n/);
  expect(await doctor(share)).toMatch(/problem .*: it is full, so no more can be sent\n/);
});

test('a folder with too many files stays as it is, and how many fit is said', slow, async () => {
  const share = me.newShare();
  await me.sh('mkdir "$1"', share);
  await fillWithFiles(share);
  const { stderr, exitCode } = await me.pysync(share, '--size', '32M');
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /^pysync: there are more files in \S+ than fit: \d+ at most\n {2}there would still be \S+MB for/,
  );
  expect(await me.sh('find "$1" -type f | wc -l', share)).toBe('4500\n');
});
