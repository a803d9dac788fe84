/** The e2fsprogs operations on images with something in them, damaged in all the ways we know. */
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, inject, test } from 'vitest';
import { removeLostAndFound } from '../../../src/volume/ext4/check.js';
import { ext4 } from '../../../src/volume/ext4/ext4.js';
import { growFileSystem } from '../../../src/volume/ext4/grow.js';
import { makeFileSystem } from '../../../src/volume/ext4/make.js';
import { freeOnHost, preallocate } from '../../../src/volume/preallocate.js';
import { exec, mustExec } from '../../helpers/exec.js';
import { needsRoot } from '../../helpers/root.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';
import { expectVolume, mebibyte, usableIn, withDisk } from './engine-contract.js';

const size = 32 * mebibyte;
const owner = { uid: 1234, gid: 2345 };
const { checkAndRepair, span, state } = ext4;

let folder: string;
let image: string;

beforeEach(async () => {
  folder = createTemporaryFolder().path;
  image = join(folder, 'volume.img');
  writeFileSync(image, '', { mode: 0o600 });
  await preallocate(image, size);
  await makeFileSystem(image, { ...owner, size });
});

const debugfs = (...commands: string[]): Promise<string> =>
  mustExec(['debugfs', '-w', '-f', '-', image], { input: commands.join('\n') }).then(
    ({ stdout }) => stdout,
  );

const listRoot = async (): Promise<string[]> =>
  (await debugfs('ls -p /'))
    .split('\n')
    .map((line) => line.split('/')[5] ?? '')
    .filter((name) => name !== '' && !name.startsWith('.'));

/** Puts a file into the image and returns what reads it back. */
async function putFile(content: Buffer): Promise<() => Promise<Buffer>> {
  const source = join(folder, 'source');
  const target = join(folder, 'target');
  writeFileSync(source, content);
  await debugfs(`write ${source} file`);
  return async () => {
    await debugfs(`dump file ${target}`);
    return readFileSync(target);
  };
}

function overwrite(at: number, length: number): void {
  const file = openSync(image, 'r+');
  writeSync(file, Buffer.alloc(length, 0x55), 0, length, at);
  closeSync(file);
}

test('a volume that was closed properly is clean, and checking leaves it as it was', async () => {
  const before = readFileSync(image);
  expect(await state(image)).toBe('clean');
  expect(await checkAndRepair(image)).toBe('clean');
  expect(readFileSync(image).equals(before)).toBe(true);
});

test('one that was not is repaired, and gets no lost+found by that', async () => {
  await debugfs('set_super_value state 0');
  expect(await state(image)).toBe('dirty');
  expect(await checkAndRepair(image)).toBe('repaired');
  expect(await state(image)).toBe('clean');
  await expectVolume({ image, size, ...owner });
});

test('damage that needs a full repair gets it, and found files are given to the owner', async () => {
  await debugfs('mkdir folder', 'cd folder', 'write /etc/passwd kept', 'cd /', 'clri folder');
  await debugfs('set_super_value state 2');
  expect(await state(image)).toBe('errors');
  expect(await checkAndRepair(image)).toBe('repaired');
  expect(await state(image)).toBe('clean');
  expect(await listRoot()).toEqual(['lost+found']);
  expect(await debugfs('stat lost+found')).toMatch(/User: +1234 +Group: +2345/);
  await removeLostAndFound(image);
  expect(await listRoot()).toEqual(['lost+found']);
  await mustExec(['e2fsck', '-fn', image]);
});

test('a journal that holds the last writes is played back', async () => {
  needsRoot('a mount');
  const mountPoint = join(folder, 'mnt');
  const crashed = join(folder, 'crashed.img');
  mkdirSync(mountPoint);
  // The image as a power cut leaves it: copied while it is mounted and just synced.
  const script = `mount -o loop "$1" "$2" && echo hello > "$2/file" && sync --file-system "$2" &&
    cp "$1" "$3" && umount "$2"`;
  await mustExec(['unshare', '-m', 'sh', '-c', script, '-', image, mountPoint, crashed]);
  image = crashed;
  expect(await state(image)).toBe('dirty');
  expect(await checkAndRepair(image)).toBe('repaired');
  expect(await listRoot()).toEqual(['file']);
});

test('a lost superblock is taken from its backup', async () => {
  await ext4.grow(image, 300 * mebibyte);
  const read = await putFile(Buffer.from('precious'));
  overwrite(1024, 1024);
  expect(await state(image)).toBe('none');
  expect(await checkAndRepair(image)).toBe('repaired');
  expect((await read()).toString()).toBe('precious');
});

test('what cannot be repaired is kept, with how to rescue it', async () => {
  overwrite(0, size);
  const before = readFileSync(image);
  await expect(checkAndRepair(image)).rejects.toMatchObject({
    code: 'VOLUME_DAMAGED',
    message: `the disk image ${image} could not be repaired`,
    hints: [
      `it is kept as ${image}, and nobody can send into its share until it is fixed`,
      `to rescue what is in it, work on a copy: cp ${image} ${image}.copy`,
      `then: e2fsck -fy ${image}.copy`,
      `and: debugfs -R 'rdump / FOLDER' ${image}.copy`,
    ],
  });
  expect(readFileSync(image).equals(before)).toBe(true);
  await expect(span(image)).rejects.toMatchObject({ code: 'VOLUME_DAMAGED' });
});

test('a truncated image is reported as such and left alone', async () => {
  truncateSync(image, size - 4096);
  await debugfs('set_super_value state 0');
  const before = readFileSync(image);
  await expect(checkAndRepair(image)).rejects.toMatchObject({
    code: 'VOLUME_DAMAGED',
    message: `the disk image ${image} was cut off: it has ${size - 4096} bytes instead of ${size}`,
  });
  expect(readFileSync(image).equals(before)).toBe(true);
});

test('an image that is not there holds nothing', async () => {
  const missing = join(folder, 'missing');
  expect(await state(missing)).toBe('none');
  await expect(checkAndRepair(missing)).rejects.toMatchObject({
    code: 'FILE_FAILED',
    message: `could not read the disk image ${missing}: no such file or directory`,
  });
});

test('growing keeps the files and the layout', async () => {
  const whole = 128 * mebibyte;
  await preallocate(image, whole);
  await makeFileSystem(image, { ...owner, size: whole });
  const read = await putFile(Buffer.alloc(mebibyte, 'a'));
  expect(await span(image)).toBe(whole);
  await ext4.grow(image, 4 * whole);
  expect(await span(image)).toBe(4 * whole);
  expect(await usableIn(image)).toBeGreaterThan(0.925 * 4 * whole);
  expect((await read()).equals(Buffer.alloc(mebibyte, 'a'))).toBe(true);
  await debugfs('rm file');
  await expectVolume({ image, size: 4 * whole, ...owner });
});

test('a volume full to the last block grows past the room that it had reserved for that', async () => {
  const content = Buffer.alloc((await usableIn(image)) + 63 * 4096 - 32 * 1024, 'b');
  const read = await putFile(content);
  await putFillers();
  expect((await usableIn(image)) + 64 * 4096).toBe(0);
  // With holes: the test has no use for 40 GiB.
  truncateSync(image, 40 * 1024 * mebibyte);
  await growFileSystem(image);
  await mustExec(['e2fsck', '-fn', image]);
  expect(await span(image)).toBe(40 * 1024 * mebibyte);
  expect((await read()).equals(content)).toBe(true);
});

/** Takes the last blocks one by one. */
async function putFillers(): Promise<void> {
  const one = join(folder, 'one');
  writeFileSync(one, 'x');
  const free = ((await usableIn(image)) + 64 * 4096) / 4096;
  await debugfs(...Array.from({ length: free }, (_, i) => `write ${one} filler${i}`));
}

test('room is taken to the last block, and what a file holds stays', async () => {
  const path = join(folder, 'file');
  writeFileSync(path, 'precious');
  await preallocate(path, mebibyte);
  expect(statSync(path)).toMatchObject({ size: mebibyte });
  expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(mebibyte);
  expect(readFileSync(path, 'latin1').replace(/\0+$/, '')).toBe('precious');
  const free = await freeOnHost(path);
  await expect(preallocate(path, free + 1024 * mebibyte)).rejects.toMatchObject({
    code: 'DISK_FULL',
  });
  expect(statSync(path).size).toBe(mebibyte);
});

const script = `
  const { preallocate } = require(process.argv[1] + '/dist/volume/preallocate.js');
  const { readdirSync, statSync } = require('node:fs');
  const [, , folder, size] = process.argv;
  const seen = [];
  preallocate(folder + '/file', Number(size), (what) => seen.push(what))
    .then(() => 'done', (error) => error.code + ': ' + error.message)
    .then((outcome) => console.log(JSON.stringify({
      outcome, seen: seen.at(-1), sizes: readdirSync(folder).map((name) => statSync(folder + '/' + name).size),
    })));
`;

const preallocateThere = (there: string, bytes: number): string[] => [
  ...[inject('node'), '-e', script, inject('program'), there, String(bytes)],
];

test('on a disk that is too small nothing is left behind', async () => {
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const command = preallocateThere(disk, 20 * mebibyte);
  const { stdout } = await mustExec([...withDisk(disk, 16 * mebibyte), ...command]);
  expect(JSON.parse(stdout)).toEqual({
    outcome: 'DISK_FULL: the disk has no room for this: 20MB needed, 16MB free',
    sizes: [],
  });
});

test('a file that grows has its old size again where it cannot go all the way', async () => {
  needsRoot('a mount');
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const limited =
    'mount -t ramfs none "$0"; head -c 4096 /dev/zero >"$0/file"; exec prlimit --fsize=8388608 "$@"';
  const command = [disk, ...preallocateThere(disk, 20 * mebibyte)];
  const { stdout } = await mustExec(['unshare', '-m', 'sh', '-c', limited, ...command]);
  expect(JSON.parse(stdout)).toEqual({
    outcome: 'DISK_FULL: this disk takes no file of 20MB',
    seen: 'taking room on the disk, 40 %',
    sizes: [4096],
  });
});

test('where the host has no fallocate, zeros are written, with progress', async () => {
  needsRoot('a mount');
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  // ramfs has no fallocate(2), and says nothing about its size either.
  const mounted = ['unshare', '-m', 'sh', '-c', 'mount -t ramfs none "$0" && exec "$@"', disk];
  const result = await exec([...mounted, ...preallocateThere(disk, 9 * mebibyte)]);
  expect(JSON.parse(result.stdout)).toEqual({
    outcome: 'done',
    seen: 'taking room on the disk, 100 %',
    sizes: [9 * mebibyte],
  });
});

test('a mounted image is not checked', async () => {
  needsRoot('a mount');
  const mountPoint = join(folder, 'mnt');
  mkdirSync(mountPoint);
  await mustExec(['mount', '-o', 'loop', image, mountPoint]);
  try {
    await expect(checkAndRepair(image)).rejects.toMatchObject({ code: 'IMAGE_BUSY' });
  } finally {
    await mustExec(['umount', mountPoint]);
  }
});
