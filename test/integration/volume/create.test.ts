/** Giving a share a cap: what becomes of its files, what is reported, and which sizes are refused. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mebibyte, useVolumes } from '../../helpers/volumes.js';

const me = useVolumes();

/** Files with everything that a copy could lose; times are whole seconds, as fuse2fs shows them. */
const makeTree = `
mkdir -m 750 "$1"; cd "$1"; umask 022
echo text > plain; chmod 640 plain
printf '#!/bin/sh\\n' > 'a program'; chmod 755 'a program'
ln plain 'the same'
ln -s plain link; ln -s /nowhere dangling
truncate -s 8M sparse; printf end | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
head -c 300000 /dev/urandom > 'deep name'
mkdir -p d/e/f; mv 'deep name' d/e/f/'fünf 5'; chmod 2711 d/e
mkfifo fifo
setfattr -n user.note -v 'kept as it is' plain
find . ! -name . -exec touch -hd '2001-02-03 04:05:06' {} +
touch -d '1999-01-01 00:00:00' .`;

/** All that can be seen of a tree, but for inode numbers. */
const describeTree = `
cd "$1"
find . -printf '%p %y %m %n %T@ %l' \\( -type f -printf ' %s' -o -true \\) -printf '\\n' | sort
getfattr -d plain
find . -type f -exec sha256sum {} + | sort -k2
[ plain -ef 'the same' ] && echo linked
[ "$(du -k sparse | cut -f1)" -lt 1000 ] && echo 'has holes'`;

test('an empty share becomes a volume, told with what files can take and shown by status', async () => {
  const share = me.newShare();
  const { stdout, stderr, exitCode } = await me.pysync(share, '--size', '64M');
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  const [, usable = ''] =
    /^(\S+ is capped at 64MB; [\d.]+MB of it is available for files)\./.exec(stdout) ?? [];
  expect(usable).toContain(share);
  expect(stdout).toContain('made with e2fsprogs and is mounted with fuse2fs');
  await me.sh('mkdir "$1/folder"; head -c 3145728 /dev/urandom > "$1/folder/three"', share);

  const volume = await me.status(share);
  expect(volume).toMatchObject({
    ...{ size: 64 * mebibyte, state: 'mounted', engine: 'e2fsprogs', mount: 'fuse2fs' },
    ...{ used: 3 * mebibyte + 4096, files: 1, complete: true, notes: [] },
  });
  expect(volume.free).toBe((volume.usable ?? 0) - 3 * mebibyte - 4096);
  expect(volume.usable).toBeGreaterThan(56 * mebibyte);
  const text = (await me.account.pysync(['status'])).stdout;
  expect(text).toMatch(
    /share\d+ {2}capped at 64MB: 3MB used in 1 file, [\d.]+MB free \(mounted with fuse2fs, made with e2fsprogs\)/,
  );
  // The disk has given all of it, and no more but a block that says where it is.
  const { size, blocks } = statSync(me.image(share));
  expect(size).toBe(64 * mebibyte);
  expect(blocks * 512 - size).toBeGreaterThanOrEqual(0);
  expect(blocks * 512 - size).toBeLessThan(65_536);
});

test('files that are there already move in as they are, and the originals are kept and told', async () => {
  const share = me.newShare();
  await me.sh(makeTree, share);
  const before = await me.sh(describeTree, share);
  expect(before).toMatch(/linked\nhas holes\n$/);
  const originals = `${share}.before-volume`;
  const { stdout, exitCode } = await me.pysync(share, '--size', '48M');
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`Kept until you remove it: ${originals}`);
  expect(await me.sh(describeTree, share)).toBe(before);
  expect(await me.sh(describeTree, originals)).toBe(before);
  expect((await me.status(share)).notes.join()).toContain(`are kept in ${originals}`);

  // The owner's word comes later, as it does from who was not at a terminal.
  const later = await me.pysync(share, '--size', '48M', '--yes');
  expect(later.stdout).not.toContain('Kept');
  expect(existsSync(originals)).toBe(false);
  expect(await me.sh(describeTree, share)).toBe(before);
  expect((await me.status(share)).notes).toEqual([]);
});

test('with --yes the originals are gone once the copy is proved', async () => {
  const share = me.newShare();
  await me.sh(makeTree, share);
  const before = await me.sh(describeTree, share);
  const { stdout, exitCode } = await me.pysync(share, '--size', '48M', '--yes', '--json');
  expect(exitCode).toBe(0);
  const report = JSON.parse(stdout) as object;
  expect(report).toEqual({
    ...{ share, size: 48 * mebibyte, usable: expect.any(Number) as unknown },
    ...{ engine: 'e2fsprogs', mount: 'fuse2fs', notes: [] },
  });
  expect(await me.sh(describeTree, share)).toBe(before);
  expect(existsSync(`${share}.before-volume`)).toBe(false);
});

test('files that do not fit stay where they are, with one sentence', async () => {
  const share = me.newShare();
  await me.sh('mkdir "$1"; head -c 40M /dev/urandom > "$1/large"', share);
  const before = await me.sums(share);
  const { stderr, exitCode } = await me.pysync(share, '--size', '32M');
  expect(exitCode).toBe(1);
  expect(stderr.split('\n')[0]).toMatch(/^pysync: what is in \S+ does not fit$/);
  expect(await me.sums(share)).toEqual(before);
  expect(readdirSync(me.account.home).filter((name) => name.startsWith('share'))).not.toContain(
    `${share.split('/').pop() ?? ''}.before-volume`,
  );
  const { stdout } = await me.account.pysync(['status', '--json']);
  expect(stdout).not.toContain(share);
});

test.each([
  ['banana', "'banana' is not a size", 2],
  ['10X', "'10X' is not a size", 2],
  ['0', "'0' has to be more than nothing", 2],
  ['-1G', "'-1G' has to be more than nothing", 2],
  ['31M', '--size 31M is too small', 2],
  ['100T', 'the disk has no room for this: .* needed, .* free', 1],
])(
  'the size %s is refused with one sentence, and nothing is made',
  async (size, sentence, status) => {
    const share = me.newShare();
    const before = readdirSync(join(me.account.home, '.local/share/pysync/volumes'));
    const { stdout, stderr, exitCode } = await me.pysync(share, `--size=${size}`);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: status });
    const [first = '', ...hints] = stderr.trimEnd().split('\n');
    expect(first).toMatch(new RegExp(`^pysync: ${sentence}$`));
    for (const hint of hints) expect(hint).toMatch(/^ {2}\S/);
    expect(readdirSync(join(me.account.home, '.local/share/pysync/volumes'))).toEqual(before);
    const capped = await me.account.pysync(['status', '--json']);
    expect(capped.stdout).not.toContain(share);
  },
);

test('one command imports a key and caps its share, and the peer sends into the volume', async () => {
  const share = me.newShare();
  const peer = await me.letIn(share, '--size', '32M');
  const sent = await peer.rsync(['-a', 'id.pub', `${peer.target}:`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await me.status(share)).toMatchObject({ files: 1, size: 32 * mebibyte });
  await me.account.pysync(['unmount', share]);
  expect(readdirSync(share)).toEqual([]);
});

test('several capped shares work side by side, and a full one leaves the others alone', async () => {
  const shares = [me.newShare(), me.newShare(), me.newShare()];
  for (const share of shares) await me.cap(share, '32M');
  const [one = '', two = '', three = ''] = shares;
  await me.sh('head -c 64M /dev/zero > "$1/all" || true; echo mine > "$2/small"', one, two);
  expect((await me.status(one)).free).toBeLessThan(65_536);
  expect(await me.status(two)).toMatchObject({ state: 'mounted', files: 1 });
  expect(await me.status(three)).toMatchObject({ state: 'mounted', files: 0 });
  expect(new Set(shares.map((share) => me.image(share))).size).toBe(3);
  const free = async (share: string): Promise<number> => (await me.status(share)).free ?? 0;
  expect(await free(two)).toBeGreaterThan(26 * mebibyte);
});
