/** The engine e2fsprogs, and how createImage chooses between the two. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { createImage } from '../../../src/volume/ext4/engines.js';
import { createAccount } from '../../helpers/account.js';
import { exec, mustExec } from '../../helpers/exec.js';
import { needsRoot } from '../../helpers/root.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';
import {
  createCommand,
  expectVolume,
  imageIn,
  mebibyte,
  readResult,
  usableIn,
  withDisk,
  without,
} from './engine-contract.js';
import type { CreateResult, Wanted } from './engine-contract.js';

const silent = (): void => undefined;

let folder: string;
let wanted: Wanted;

beforeEach(() => {
  folder = createTemporaryFolder().path;
  wanted = { image: imageIn(folder), size: 32 * mebibyte, uid: 1234, gid: 2345 };
});

const create = async (before: string[], request = wanted, forced = ''): Promise<CreateResult> =>
  readResult((await mustExec([...before, ...createCommand(request, forced)])).stdout);

test.each([32 * mebibyte, 500 * mebibyte, 1024 * mebibyte])(
  'an image of %d bytes keeps the contract',
  async (size) => {
    const request = { ...wanted, size };
    const made = await createImage({ ...request, onProgress: silent }, 'e2fsprogs');
    expect(made).toEqual({ engine: 'e2fsprogs' });
    await expectVolume(request);
    expect(readdirSync(folder)).toHaveLength(1);
  },
);

test('an ordinary user makes one', async () => {
  const me = await createAccount();
  const request = { image: imageIn(me.home), size: 64 * mebibyte, uid: me.uid, gid: me.gid };
  const { stdout } = await me.run(createCommand(request, 'e2fsprogs'));
  expect(readResult(stdout).engine).toBe('e2fsprogs');
  await expectVolume(request);
  await me.remove();
});

test('of 10G at least 93 % are usable, also as a kernel mount counts', async () => {
  const request = { ...wanted, size: 10 * 1024 * mebibyte };
  await createImage({ ...request, onProgress: silent }, 'e2fsprogs');
  await expectVolume(request);
  expect((await usableIn(request.image)) / request.size).toBeGreaterThan(0.933);
  needsRoot('a mount by the kernel');
  const mountPoint = join(folder, 'mnt');
  mkdirSync(mountPoint);
  // In a mount namespace of its own, so that nothing else on the machine keeps it mounted.
  const count = 'mount -o loop "$1" "$2" && stat --file-system --format="%a %S" "$2"';
  const { stdout } = await mustExec([
    'unshare',
    '-m',
    'sh',
    '-c',
    count,
    '-',
    request.image,
    mountPoint,
  ]);
  const [blocks = 0, blockSize = 0] = stdout.split(' ').map(Number);
  expect((blocks * blockSize) / request.size).toBeGreaterThan(0.93);
});

test('a file that is already there is not touched', async () => {
  writeFileSync(wanted.image, 'precious');
  const making = createImage({ ...wanted, onProgress: silent }, 'e2fsprogs');
  await expect(making).rejects.toMatchObject({ code: 'FILE_FAILED' });
  expect(readFileSync(wanted.image, 'utf8')).toBe('precious');
});

test('a disk without room is reported before anything is made, and by either engine', async () => {
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const request = { ...wanted, image: imageIn(disk), size: 64 * mebibyte };
  for (const forced of ['e2fsprogs', 'libguestfs', '']) {
    expect(await create(withDisk(disk, 40 * mebibyte), request, forced)).toEqual({
      code: 'DISK_FULL',
      message: 'the disk has no room for this: 64MB needed, 40MB free',
      hints: ['ask for less, or free some space', `the disk is the one that holds ${disk}`],
      stages: [],
    });
  }
});

test('nothing is left of an image that could not be made', async () => {
  const result = await create(without(['/usr/sbin/mke2fs']), wanted, 'e2fsprogs');
  expect(result.code).toBe('TOOL_MISSING');
  expect(existsSync(wanted.image)).toBe(false);
});

test('where libguestfs is not installed e2fsprogs makes it, and says so', async () => {
  const hidden = without(['/usr/bin/guestfish']);
  expect(await create(hidden)).toMatchObject({
    engine: 'e2fsprogs',
    reason: 'e2fsprogs made the volume: libguestfs is not installed',
  });
  await expectVolume(wanted);
  const request = { ...wanted, image: join(folder, 'other') };
  expect(await create(hidden, request, 'libguestfs')).toMatchObject({ code: 'ENGINE_MISSING' });
  expect(existsSync(request.image)).toBe(false);
});

test('a killed creation is not tried again with the other engine', async () => {
  // What Ctrl-C does: the tool's process group is killed, and the tool's call fails.
  const stub = join(folder, 'guestfish');
  writeFileSync(stub, '#!/bin/sh\nkill -9 $$\n', { mode: 0o755 });
  const replaced = ['bwrap', '--dev-bind', '/', '/', '--ro-bind', stub, '/usr/bin/guestfish'];
  const result = await exec([...replaced, ...createCommand(wanted)]);
  expect(readResult(result.stdout).code).toBe('TOOL_FAILED');
  expect(existsSync(wanted.image)).toBe(false);
});
