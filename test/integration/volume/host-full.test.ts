/**
 * The disk that holds the share and its image runs full while a cap is made, changed or lifted: one
 * sentence, nothing lost, and the share as it was. The account's home is a small disk of its own.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { exec, mustExec } from '../../helpers/exec.js';
import { needsRoot } from '../../helpers/root.js';
import { waitFor } from '../../helpers/tmp.js';
import { giveDisk, mebibyte, useVolumes } from '../../helpers/volumes.js';
import type { ExecResult } from '../../helpers/exec.js';

const me = useVolumes();
let disk: string;

beforeAll(async () => {
  needsRoot('a disk');
  disk = me.account.home;
  await giveDisk(disk, me.account, 160 * mebibyte);
});

const free = async (): Promise<number> =>
  Number((await mustExec(['df', '-B1', '--output=avail', disk])).stdout.split('\n')[1]);

/** Takes all of the disk but `left` mebibytes. */
async function fillDisk(left: number): Promise<void> {
  const size = (await free()) - left * mebibyte;
  await mustExec(['fallocate', '-l', String(size), join(disk, 'ballast')]);
}

const emptyDisk = (): Promise<unknown> =>
  mustExec(['rm', '-rf', join(disk, 'ballast'), join(disk, 'small')]);

function expectOneSentence({ stdout, stderr, exitCode }: ExecResult): void {
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
  const [first = '', ...hints] = stderr.trimEnd().split('\n');
  expect(first).toMatch(/^pysync: (the disk|there is) .*no room.*/);
  expect(hints.every((line) => line.startsWith('  '))).toBe(true);
}

const images = (): string[] =>
  readdirSync(join(disk, '.local/share/pysync/volumes')).filter((name) => name.includes('.img'));

async function createShare(megabytes: number): Promise<string> {
  const share = me.newShare();
  await me.sh(`mkdir "$1"; head -c ${megabytes}M /dev/urandom > "$1/file"; echo b > "$1/b"`, share);
  return share;
}

test('no room for the image: the share keeps its files, and has no cap', async () => {
  const share = await createShare(4);
  const before = await me.sums(share);
  await fillDisk(20);
  expectOneSentence(await me.pysync(share, '--size', '48M'));
  await emptyDisk();
  expect(await me.sums(share)).toEqual(before);
  expect(readdirSync(share).sort()).toEqual(['b', 'file']);
  expect(images()).toEqual([]);
});

test('a disk that fills up while files move in leaves them where they were, or moves them all', async () => {
  const share = await createShare(12);
  const before = await me.sums(share);
  let isMade = false;
  const making = me.pysync(share, '--size', '32M').finally(() => (isMade = true));
  await waitFor('the image', () => isMade || images().some((name) => name.endsWith('.new')));
  const ballast = ['dd', 'if=/dev/zero', `of=${join(disk, 'ballast')}`, 'bs=64K', 'status=none'];
  await exec(ballast);
  const made = await making;
  if (made.exitCode !== 0) expectOneSentence(made);
  expect(made.stderr).not.toContain('this is a bug');
  await emptyDisk();
  expect(await me.sums(share)).toEqual(before);
  const { stderr } = await me.account.pysync(['status']);
  expect(stderr).toBe('');
  expect(await me.sums(share)).toEqual(before);
  await me.pysync(share, '--size', '32M', '--yes');
  await me.pysync(share, '--size', 'none', '--yes');
  expect(images().filter((name) => name.endsWith('.img'))).toEqual([]);
});

test('growing, shrinking and lifting find no room: the volume stays as it was, and in use', async () => {
  const share = await createShare(8);
  const before = await me.sums(share);
  await me.cap(share, '40M', '--yes');
  const peer = await me.letIn(share);
  await fillDisk(4);
  for (const size of ['72M', '32M', 'none']) {
    expectOneSentence(await me.pysync(share, '--size', size));
    expect(await me.sums(share)).toEqual(before);
    expect(await me.status(share)).toMatchObject({ size: 40 * mebibyte, state: 'mounted' });
  }
  // A full disk is no matter to the volume: its room is its own.
  await mustExec(['sh', '-c', 'cat /dev/zero > "$1" || true', 'sh', join(disk, 'ballast2')]);
  await me.sh('head -c 20M /dev/urandom > "$1/more"; sync -f "$1"', share);
  const more = await me.sums(share);
  await mustExec(['rm', join(disk, 'ballast2')]);
  await emptyDisk();
  const sent = await peer.rsync(['-a', 'id.pub', `${peer.target}:`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  await me.cap(share, '56M');
  expect(await me.sums(share)).toEqual(expect.arrayContaining(more));
});

test('with not one byte left the gate refuses, and nothing is lost', async () => {
  const share = await createShare(1);
  await me.cap(share, '32M', '--yes');
  const before = await me.sums(share);
  const peer = await me.letIn(share);
  // Blocks one by one as well: ext4 keeps the last ones from large writes.
  const script = `cat /dev/zero > "$1/ballast"; sync -f "$1"; mkdir "$1/small"
    i=0; while echo > "$1/small/$i"; do i=$((i + 1)); done; df --output=avail "$1"`;
  await exec(['sh', '-c', script, 'sh', disk]);
  expect(await free()).toBeLessThan(4096);
  const sent = await peer.rsync(['-a', 'id.pub', `${peer.target}:`]);
  if (sent.exitCode !== 0) expect(sent.stderr).toMatch(/^pysync: /);
  const lifted = await me.pysync(share, '--size', 'none');
  expect({ stdout: lifted.stdout, exitCode: lifted.exitCode }).toEqual({ stdout: '', exitCode: 1 });
  expect(lifted.stderr).not.toContain('this is a bug');
  await emptyDisk();
  expect(await me.status(share)).toMatchObject({ state: 'mounted', size: 32 * mebibyte });
  expect(await me.sums(share)).toEqual(expect.arrayContaining(before));
  expect(await peer.rsync(['-a', 'id.pub', `${peer.target}:`])).toMatchObject({ exitCode: 0 });
});
