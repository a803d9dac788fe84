/**
 * The attacker has a key that may send and fetch, to a share that is a mounted volume, and is root
 * at home. What could differ there from an ordinary folder: set-id files and devices that live in a
 * file system of the share's own, links that lead out of it, the image beside it, the mount point's
 * own mode, and the bare folder below it while nothing is mounted. Nothing of it may be had, and the
 * cap may not be passed.
 */
import { lstatSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exec, mustExec } from '../helpers/exec.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles, said } from '../helpers/receiver.js';
import { needsRoot } from '../helpers/root.js';
import { waitFor } from '../helpers/tmp.js';

const mebibyte = 2 ** 20;
let me: Receiver;
let mallory: Peer;
let trusted: Peer;
let image: string;

beforeAll(async () => {
  needsRoot('making devices');
  me = await createReceiver();
  const cap = ['--size', '32M', '--engine', 'e2fsprogs'];
  mallory = await me.letIn('--name', 'mallory', ...cap);
  trusted = await me.trust();
  const volumes = join(me.account.home, '.local/share/pysync/volumes');
  image = join(volumes, readdirSync(volumes).find((name) => name.endsWith('.img')) ?? '');
  for (const { folder } of [mallory, trusted]) await fill(join(folder, 'tree'));
});

afterAll(() => me.remove());

async function fill(tree: string): Promise<void> {
  putFiles(tree, { 'ordinary.txt': 'ordinary\n', setuid: '#!/bin/sh\nid\n', setgid: 'x' });
  await mustExec(['mknod', '-m', '666', join(tree, 'block'), 'b', '7', '0']);
  await mustExec(['mknod', '-m', '666', join(tree, 'character'), 'c', '1', '5']);
  await mustExec(['mkfifo', join(tree, 'fifo')]);
  await mustExec(['chmod', '6755', join(tree, 'setuid')]);
  await mustExec(['chmod', '2755', join(tree, 'setgid')]);
  await mustExec(['mkdir', '-m', '7777', join(tree, 'folder')]);
}

/** Only the account sees into its volume. */
async function inShare(script: string): Promise<string> {
  const { stdout, stderr } = await me.account.run(['sh', '-c', script, 'sh', me.share]);
  return stdout + stderr;
}

test.each(['-a', '-a --inplace', '-rp --chmod=ugo+rwxst', '-a --numeric-ids -X', '-as'])(
  'a push with %s leaves no device, fifo or set-id bit on the volume',
  async (options) => {
    const target = `${mallory.target}:${options.replaceAll(/\W/g, '')}/`;
    await mallory.rsync([...options.split(' '), 'tree/', target]);
    expect(await inShare('cat "$1"/*/ordinary.txt')).toContain('ordinary\n');
    expect(await inShare('find "$1" ! -type f ! -type d ! -type l')).toBe('');
    expect(await inShare('find "$1" -perm /7000 -o -perm -002 ! -type l')).toBe('');
  },
);

test('the volume itself would not honour them, nor run what is sent', async () => {
  const entry = await inShare('grep " $1 " /proc/self/mountinfo');
  expect(entry).toMatch(/ rw,nosuid,nodev,noexec,/);
  await inShare('cp /usr/bin/id "$1/id"; chmod 755 "$1/id"');
  expect(await inShare('"$1/id"')).toMatch(/[Pp]ermission denied/);
  await inShare('rm "$1/id"');
});

test('a link that leads out of the volume is not followed, for reading or writing', async () => {
  const before = me.outsideState();
  await inShare(`ln -s ${me.outside} "$1/out"; ln -s ${image} "$1/image"`);
  const read = await mallory.rsync([
    '-aL',
    `${mallory.target}:out/`,
    `${mallory.target}:image`,
    'got/',
  ]);
  expect(read.exitCode).not.toBe(0);
  const written = await mallory.rsync([
    '-aK',
    'tree/ordinary.txt',
    `${mallory.target}:out/planted`,
  ]);
  expect(said(written)).not.toContain(me.secret);
  await mallory.rsync(['-a', '--inplace', 'tree/ordinary.txt', `${mallory.target}:image`]);
  expect(me.outsideState()).toEqual(before);
  const { stdout } = await exec(['grep', '-rl', me.secret, mallory.folder]);
  expect(stdout).toBe('');
  expect(statSync(image).size).toBe(32 * mebibyte);
  await inShare('rm -f "$1/out" "$1/image"');
});

test('the image, its lock and the record can be neither fetched nor sent over', async () => {
  const data = dirname(dirname(image));
  const before = readdirSync(dirname(image));
  for (const path of [image, `${image}.lock`, join(data, 'shares.json')]) {
    for (const place of [path, `../.local/share/pysync/volumes/${basename(path)}`, `/${path}`]) {
      const fetched = await mallory.rsync(['-a', `${mallory.target}:${place}`, 'got/']);
      expect(fetched.exitCode).not.toBe(0);
      const sent = await mallory.rsync([
        '-a',
        '--inplace',
        'tree/ordinary.txt',
        `${mallory.target}:${place}`,
      ]);
      expect(said(sent)).toContain('rsync');
    }
  }
  expect(readdirSync(dirname(image))).toEqual(before);
  expect(statSync(image).size).toBe(32 * mebibyte);
  expect(lstatSync(join(data, 'shares.json')).size).toBeGreaterThan(100);
  const { stdout } = await exec([
    'find',
    mallory.folder,
    '-name',
    '*.img*',
    '-o',
    '-name',
    'shares*',
  ]);
  expect(stdout).toBe('');
});

test('what a push sets on its own folder does not become the mode of the share', async () => {
  await inShare('chmod 750 "$1"');
  for (const mode of ['0000', '0777', '7777']) {
    await mustExec(['chmod', mode, join(mallory.folder, 'tree')]);
    await mallory.rsync(['-a', './', `${mallory.target}:`], { cwd: join(mallory.folder, 'tree') });
    expect(await inShare('stat -c "%a %U" "$1"')).toBe(`750 ${me.account.name}\n`);
  }
});

test('while it is not mounted, nothing is written into the bare folder', async () => {
  await me.account.pysync(['unmount']);
  await me.account.run(['mv', image, `${image}.away`]);
  for (const words of [
    ['-a', 'tree/ordinary.txt'],
    ['-a', '--inplace', 'tree/ordinary.txt'],
    ['-as', 'tree/'],
  ]) {
    const sent = await mallory.rsync([...words, `${mallory.target}:`]);
    expect(sent.exitCode).not.toBe(0);
    expect(sent.stderr).toContain('pysync: this share cannot be used now');
    expect(said(sent)).not.toContain(me.account.home);
    expect(readdirSync(me.share)).toEqual([]);
  }
  await me.account.run(['mv', `${image}.away`, image]);
});

test('a sandbox that was there before the volume went away does not write into the bare folder', async () => {
  await mustExec(['chmod', '755', join(mallory.folder, 'tree')]);
  writeFileSync(join(mallory.folder, 'slow'), Buffer.alloc(4 * mebibyte, 'x'));
  const push = mallory.rsync(['-a', '--bwlimit=1M', 'slow', `${mallory.target}:`]);
  await waitFor('a part', async () => (await inShare('ls -AR "$1"')).includes('\nslow.'));
  // The mount is torn away, as its owner could do it by force.
  await mustExec(['umount', '-l', me.share]);
  await push;
  expect(readdirSync(me.share)).toEqual([]);
});

test('no way of sending passes the cap', async () => {
  writeFileSync(join(mallory.folder, 'large'), Buffer.alloc(48 * mebibyte, 'y'));
  await mustExec(['truncate', '-s', '500M', join(mallory.folder, 'holes')]);
  for (const words of [['large'], ['--inplace', 'large'], ['--append', 'large'], ['-S', 'large']]) {
    const sent = await mallory.rsync(['-a', ...words, `${mallory.target}:`]);
    expect(sent.exitCode).not.toBe(0);
  }
  // Holes take no room; what the share can take from the disk stays its cap.
  await mallory.rsync(['-aS', 'holes', `${mallory.target}:`], { timeoutMs: 50_000 });
  const { size, blocks } = statSync(image);
  expect(size).toBe(32 * mebibyte);
  expect(blocks * 512).toBeLessThan(33 * mebibyte);
});

test('the control: without pysync the fifo, the set-id bits and the image are to be had', async () => {
  await trusted.rsync(['-a', 'tree/', `${trusted.target}:open/`]);
  expect(lstatSync(join(me.account.home, 'open/fifo')).isFIFO()).toBe(true);
  expect(lstatSync(join(me.account.home, 'open/setuid')).mode & 0o7777).toBe(0o6755);
  await trusted.rsync(['-a', `${trusted.target}:${image}`, 'got/']);
  expect(statSync(join(trusted.folder, 'got', basename(image))).size).toBe(32 * mebibyte);
});
