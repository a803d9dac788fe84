/** The contract of src/volume/mounts/mount.ts, which every way of mounting keeps, with real tools. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fstabLine } from '../../../src/volume/mounts/fstab.js';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { exec, mustExec } from '../../helpers/exec.js';
import { createMountSpace } from '../../helpers/mount-space.js';
import type { MountSpace } from '../../helpers/mount-space.js';
import { needsRoot } from '../../helpers/root.js';

const root = { uid: 0, gid: 0 };

let account: Account;
let space: MountSpace;

beforeEach(async () => {
  account = await createAccount();
});

afterEach(async () => {
  await space.close();
  await account.remove();
});

interface Case {
  readonly title: string;
  readonly method: string;
  /** Whether root mounts, or an ordinary user. */
  readonly byRoot?: boolean;
  readonly prepare?: () => Promise<void>;
}

const cases: readonly Case[] = [
  { title: 'fuse2fs', method: 'fuse2fs' },
  { title: 'loop, by root', method: 'loop', byRoot: true },
  { title: 'loop, by an ordinary user', method: 'loop', prepare: allowInFstab },
];

describe.each(cases)('$title', ({ method, byRoot, prepare }) => {
  beforeEach(async () => {
    if (method === 'loop') needsRoot('a mount by the kernel');
    space = await createMountSpace(byRoot === true ? root : account);
    await prepare?.();
  });

  test('mounts; what is written survives its caller, the unmount and a check', async () => {
    expect(await space.call('obstacle', method)).toBeNull();
    expect(await space.state()).toBe('absent');
    expect(await space.call('mount', method)).toBeNull();
    expect(await space.state()).toBe('mounted');
    const write = 'umask 077; head -c 9999999 /dev/urandom > "$1/big" && sha256sum < "$1/big"';
    const written = await space.sh(write);
    expect(written.exitCode).toBe(0);
    await unmountClean(method);
    await space.call('mount', method);
    expect(await space.sh('sha256sum < "$1/big"')).toEqual(written);
    await unmountClean(method);
  });

  test('runs no programs and obeys no devices or setuid bits', async () => {
    await space.call('mount', method);
    await expectHarmless();
  });

  test('refuses an image that is mounted, there or elsewhere, by whatever means', async () => {
    await space.call('mount', method);
    const mountPoint = join(space.folder, 'elsewhere');
    await mustExec(['mkdir', mountPoint], { as: space.user });
    const busy = { code: 'IMAGE_BUSY' };
    expect(await space.call('mount', method)).toMatchObject(busy);
    expect(await space.call('mount', method, { mountPoint })).toMatchObject(busy);
    expect(await space.call('mount', 'fuse2fs', { mountPoint })).toMatchObject(busy);
    expect(await space.state()).toBe('mounted');
  });

  test('refuses a mount point with files in it', async () => {
    writeFileSync(join(space.request.mountPoint, 'mine'), '');
    const failed = (await space.call('mount', method)) as { code: string; message: string };
    expect(failed.code).toBe('MOUNT_FAILED');
    expect(failed.message).toMatch(/: the directory is not empty$/);
    expect(await space.state()).toBe('absent');
    expect(readdirSync(space.request.mountPoint)).toEqual(['mine']);
  });

  test('does not unmount under a process that works in it', async () => {
    await space.call('mount', method);
    const end = await space.background('cd "$1" && echo > started && exec sleep 600');
    expect(await space.call('unmount', method)).toMatchObject({ code: 'MOUNT_BUSY' });
    expect(await space.state()).toBe('mounted');
    await end();
    await unmountClean(method);
  });

  test('does not unmount under a sandbox that has a copy of it', async () => {
    await space.call('mount', method);
    const end = await space.background(sandbox);
    expect(await space.call('unmount', method)).toMatchObject({ code: 'MOUNT_BUSY' });
    expect(await space.state()).toBe('mounted');
    await end();
    await unmountClean(method);
  });

  test('is not taken for mounted where another mount hides it', async () => {
    needsRoot('a mount over another');
    await space.call('mount', method);
    const hide = 'mount -t tmpfs -o mode=755 none "$2" && mkdir "$1"';
    const argv = ['sh', '-c', hide, 'sh', space.request.mountPoint, space.folder];
    expect(await space.exec(argv, { as: root })).toMatchObject({ exitCode: 0 });
    expect(await space.state()).toBe('other');
  });
});

/** As a transfer's: without our files, processes and mounts, but with the share. */
const sandbox =
  'exec bwrap --ro-bind / / --tmpfs /mnt --bind "$1" /mnt --unshare-all --die-with-parent ' +
  "sh -c 'echo > /mnt/started; exec sleep 600'";

describe('guestmount', () => {
  // One test for the whole of it: each mount boots a virtual machine.
  test(
    'keeps the contract, and what it makes belongs to its user',
    { timeout: 600_000 },
    async () => {
      space = await createMountSpace(account);
      const options = { timeoutMs: 250_000 };
      const mount = (): Promise<unknown> => space.call('mount', 'guestmount', {}, options);
      expect(await space.call('obstacle', 'guestmount')).toBeNull();
      expect(await mount()).toBeNull();
      expect(await space.state()).toBe('mounted');
      expect(await mount()).toMatchObject({ code: 'IMAGE_BUSY' });
      await expectHarmless();
      await space.sh('umask 077; mkdir "$1/folder"; echo text > "$1/folder/file"');
      const end = await space.background('cd "$1" && echo > started && exec sleep 600');
      expect(await space.call('unmount', 'guestmount')).toMatchObject({ code: 'MOUNT_BUSY' });
      await end();
      await unmountClean('guestmount');
      await space.call('mount', 'fuse2fs');
      expect(await space.sh('cat "$1/folder/file"')).toMatchObject({ stdout: 'text\n' });
    },
  );
});

async function unmountClean(method: string): Promise<void> {
  expect(await space.call('unmount', method)).toBeNull();
  expect(await space.state()).toBe('absent');
  const { stdout, exitCode } = await exec(['e2fsck', '-fn', space.request.image]);
  expect(exitCode, stdout).toBe(0);
}

async function expectHarmless(): Promise<void> {
  const options = await space.sh('findmnt --noheadings --output VFS-OPTIONS --mountpoint "$1"');
  expect(options.stdout.trim().split(',')).toEqual(
    expect.arrayContaining(['nosuid', 'nodev', 'noexec']),
  );
  const { exitCode } = await space.sh('cp /bin/true "$1/true" && "$1/true"');
  expect(exitCode).toBe(126);
}

async function allowInFstab(): Promise<void> {
  await space.takeEtc('# none\n');
  const values = [fstabLine(space.request)];
  const add = 'module.addFstabLine(values[0])';
  expect(await space.evaluate('volume/mounts/index', add, values, { as: root })).toBeNull();
}
