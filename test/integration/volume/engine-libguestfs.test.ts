/**
 * The engine libguestfs: one launch that succeeds, as an ordinary user and under emulation, and the
 * failures of it that can be reproduced in a second. The others are in
 * test/unit/volume/diagnose.test.ts.
 */
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWithGuestfish } from '../../../src/volume/ext4/libguestfs.js';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { exec } from '../../helpers/exec.js';
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

let me: Account;
let wanted: Wanted;
let folder: string;
let firstResult: CreateResult;

beforeAll(async () => {
  me = await createAccount();
  folder = join(me.home, 'engine');
  makeFolder(folder);
  wanted = { image: imageIn(folder), size: 1024 * mebibyte, uid: me.uid, gid: me.gid };
  // Not in a sandbox: of files that belong to nobody there, supermin makes an appliance without
  // /dev and /proc. What is built here serves the other tests.
  firstResult = await create([], { env: { LIBGUESTFS_HV: '/dev/null' }, forced: '' });
}, 120_000);

afterAll(() => me.remove());

function makeFolder(path: string): void {
  mkdirSync(path);
  chownSync(path, me.uid, me.gid);
}

/** Calls the engine as the account does, with `before` in front. */
async function create(
  before: readonly string[],
  { forced = 'libguestfs', env = {}, timeoutMs = 120_000 } = {},
): Promise<CreateResult> {
  const command = [...before, ...createCommand(wanted, forced)];
  const result = await me.run(command, { env: { LIBGUESTFS_CACHEDIR: folder, ...env }, timeoutMs });
  expect(result.stderr).toBe('');
  return readResult(result.stdout);
}

/** A qemu that aborts where it is to use KVM, as it does inside some virtual machines. */
function qemuWithBrokenKvm(): string {
  const path = join(folder, 'qemu');
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const script = `#!/bin/sh
    case "$*" in *-kernel*) case "$*" in *accel=kvm*) kill -ABRT $$;; esac;; esac
    exec /usr/bin/qemu-system-${arch} "$@"\n`;
  writeFileSync(path, script, { mode: 0o755 });
  return path;
}

test('without qemu e2fsprogs makes the volume, and the reason is given', () => {
  expect(firstResult).toEqual({
    engine: 'e2fsprogs',
    reason: 'e2fsprogs made the volume: libguestfs cannot run: qemu is not installed',
    stages: [
      'starting libguestfs',
      'building the appliance, once',
      'starting the appliance',
      'making the file system',
    ],
  });
});

test('an ordinary user makes a volume, at the second try where KVM is broken', async () => {
  // /dev/null can be opened, as a /dev/kvm would be that lets everybody in.
  wanted = { ...wanted, image: `${wanted.image}.2` };
  const kvm = ['bwrap', '--dev-bind', '/', '/', '--dev-bind', '/dev/null', '/dev/kvm'];
  const env = { LIBGUESTFS_HV: qemuWithBrokenKvm() };
  const result = await create(kvm, { env, forced: '', timeoutMs: 300_000 });
  expect(result).toEqual({
    engine: 'libguestfs',
    stages: [
      'starting libguestfs',
      'starting the appliance',
      'starting libguestfs again, without KVM',
      'starting the appliance',
      'making the file system',
    ],
  });
  await expectVolume(wanted);
  expect((await usableIn(wanted.image)) / wanted.size).toBeGreaterThan(0.925);
}, 330_000);

test.each([
  ['guestfish', ['/usr/bin/guestfish'], [], 'ENGINE_MISSING'],
  ['supermin', ['/usr/bin/supermin'], [], 'ENGINE_NO_SUPERMIN'],
  ['a kernel', [], ['/boot', '/lib/modules'], 'ENGINE_NO_KERNEL'],
  ['the appliance', [], ['/usr/lib/x86_64-linux-gnu/guestfs/supermin.d'], 'ENGINE_NO_APPLIANCE'],
])('without %s it says so and leaves nothing', async (_what, tools, folders, code) => {
  const cache = join(folder, code);
  makeFolder(cache);
  const env = { LIBGUESTFS_CACHEDIR: cache };
  wanted = { ...wanted, image: imageIn(cache) };
  expect((await create(without(tools, folders), { env })).code).toBe(code);
  expect(existsSync(wanted.image)).toBe(false);
});

test('a kernel that only root can read, as Ubuntu has it, is reported', async () => {
  const boot = join(folder, 'boot');
  const cache = join(folder, 'unreadable');
  makeFolder(cache);
  cpSync('/boot', boot, { recursive: true });
  for (const name of readdirSync(boot)) {
    if (name.startsWith('vmlinu')) chmodSync(join(boot, name), 0);
  }
  wanted = { ...wanted, image: imageIn(cache) };
  const bind = ['bwrap', '--dev-bind', '/', '/', '--bind', boot, '/boot'];
  const result = await create(bind, { env: { LIBGUESTFS_CACHEDIR: cache } });
  expect(result.code).toBe('ENGINE_KERNEL_UNREADABLE');
});

test('a cache folder without room, or not of the user, is reported', async () => {
  const cache = join(folder, 'cache');
  makeFolder(cache);
  const env = { LIBGUESTFS_CACHEDIR: cache };
  const full = await create(withDisk(cache, 20 * mebibyte), { env });
  expect(full.code).toBe('ENGINE_CACHE_FULL');
  mkdirSync(join(cache, `.guestfs-${me.uid}`), { mode: 0o777 });
  chmodSync(join(cache, `.guestfs-${me.uid}`), 0o777);
  expect((await create([], { env })).code).toBe('ENGINE_CACHE_UNUSABLE');
});

test('one that hangs is ended in time, with all that it has started', async () => {
  const { own } = await makeFor(1500);
  const left = async (): Promise<string[]> => {
    const { stdout } = await exec(['ps', '-A', '-ww', '-o', 'pid=,stat=,command=']);
    return stdout.split('\n').filter((line) => line.includes(own));
  };
  // A process that was killed is there until the kernel has cleared it up.
  await expect.poll(left, { timeout: 10_000 }).toEqual([]);
});

test('of an appliance that was being built when time was up, nothing is left', async () => {
  // How long building takes differs from machine to machine: the limit rises until it falls in there.
  let wasCaught = false;
  for (let limit = 300; !wasCaught && limit < 30_000; limit = Math.round(limit * 1.2)) {
    const { own, sawUnfinished } = await makeFor(limit);
    const built = readdirSync(own)
      .filter((name) => name.startsWith('.guestfs-'))
      .flatMap((name) => readdirSync(join(own, name)))
      .filter((name) => name.startsWith('appliance.d'));
    expect(built.filter((name) => name !== 'appliance.d')).toEqual([]);
    wasCaught = sawUnfinished && built.length === 0;
  }
  expect(wasCaught).toBe(true);
}, 120_000);

/**
 * Has the engine make a volume with an empty cache in `own` and no more than `limit` milliseconds, and
 * says whether an unfinished appliance was seen in there meanwhile.
 */
async function makeFor(limit: number): Promise<{ own: string; sawUnfinished: boolean }> {
  const own = createTemporaryFolder().path;
  const request = { ...wanted, image: imageIn(own), size: 32 * mebibyte };
  let sawUnfinished = false;
  const look = setInterval(() => {
    const found = readdirSync(own).filter((name) => name.startsWith('.guestfs-'));
    const names = found.flatMap((name) => readdirSync(join(own, name)));
    sawUnfinished ||= names.some((name) => /^appliance\.d\../.test(name));
  }, 5);
  process.env['LIBGUESTFS_CACHEDIR'] = own;
  try {
    const making = makeWithGuestfish(
      { ...request, onProgress: () => undefined },
      { total: limit, silent: limit },
    );
    await expect(making).rejects.toMatchObject({ code: 'ENGINE_TIMED_OUT' });
  } finally {
    delete process.env['LIBGUESTFS_CACHEDIR'];
    clearInterval(look);
  }
  return { own, sawUnfinished };
}
