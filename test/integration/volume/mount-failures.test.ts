/** The failures of the mount tools that src/volume/mounts claims to know, reproduced with the real tools. */
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fstabLine } from '../../../src/volume/mounts/fstab.js';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { mustExec } from '../../helpers/exec.js';
import { createMountSpace } from '../../helpers/mount-space.js';
import type { MountSpace } from '../../helpers/mount-space.js';
import { needsRoot } from '../../helpers/root.js';
import { waitFor } from '../../helpers/tmp.js';

const root = { uid: 0, gid: 0 };

let account: Account;
let space: MountSpace;

beforeEach(async () => {
  account = await createAccount();
  space = await createMountSpace(account);
});

afterEach(async () => {
  await space.close();
  await account.remove();
});

/** The process that serves the mount. */
async function daemon(): Promise<number> {
  const argv = ['pgrep', '--newest', '--exact', '--uid', String(account.uid), 'fuse2fs'];
  return Number((await mustExec(argv)).stdout);
}

describe('a program that serves a mount', () => {
  test('and has died leaves a stale mount, which is removed', async () => {
    await space.call('mount', 'fuse2fs');
    await space.background('cd "$1" && echo > started && exec sleep 600');
    process.kill(await daemon(), 'SIGKILL');
    await waitFor('the end', async () => (await space.state()) === 'stale');
    expect(await space.call('mount', 'fuse2fs')).toMatchObject({ code: 'MOUNT_FAILED' });
    const values = [space.request.mountPoint];
    await space.evaluate('volume/mounts/index', 'module.cleanStale(values[0])', values);
    expect(await space.state()).toBe('absent');
  });

  test('and hangs is taken neither for alive nor for dead, and does not hang us', async () => {
    await space.call('mount', 'fuse2fs');
    const pid = await daemon();
    process.kill(pid, 'SIGSTOP');
    expect(await space.state()).toMatchObject({ code: 'MOUNT_HUNG' });
    process.kill(pid, 'SIGCONT');
    await waitFor('an answer', async () => (await space.state()) === 'mounted');
  });
});

describe('fuse2fs, which ends with 0 all the same', () => {
  const failed = (reason: string) => ({
    code: 'MOUNT_FAILED',
    message: expect.stringContaining(`: ${reason}`) as unknown,
  });

  test('fails where /dev/fuse is missing, and that is seen before', async () => {
    needsRoot('a mount namespace');
    const script = 'mount -t tmpfs -o mode=755 none /dev && mknod -m 666 /dev/null c 1 3';
    await space.sh(script, { as: root });
    expect(await space.call('obstacle', 'fuse2fs')).toMatch('/dev/fuse is missing');
    expect(await space.call('mount', 'fuse2fs')).toMatchObject(failed('/dev/fuse is missing'));
  });

  test('fails where the user may not use /dev/fuse', async () => {
    needsRoot('a mount namespace');
    const script =
      'mount -t tmpfs -o mode=755 none /dev && mknod -m 600 /dev/fuse c 10 229 && ' +
      'mknod -m 666 /dev/null c 1 3';
    await space.sh(script, { as: root });
    expect(await space.call('obstacle', 'fuse2fs')).toMatch('you may not use /dev/fuse');
    expect(await space.call('mount', 'fuse2fs')).toMatchObject(
      failed('this user may not use /dev/fuse'),
    );
  });

  test('fails where the mount point is not the user’s', async () => {
    needsRoot('a mount namespace');
    await mustExec(['chown', 'root', space.request.mountPoint]);
    expect(await space.call('mount', 'fuse2fs')).toMatchObject(
      failed('the directory is not yours'),
    );
  });

  test('fails where there is no fusermount3, and that is seen before', async () => {
    needsRoot('a mount namespace');
    const path = (await mustExec(['which', 'fusermount3'])).stdout.trim();
    await space.exec(['mount', '--bind', '/dev/null', path], { as: root });
    expect(await space.call('obstacle', 'fuse2fs')).toBe('fusermount3 is not installed');
    const reason = 'fusermount3 is not installed';
    expect(await space.call('mount', 'fuse2fs')).toMatchObject(failed(reason));
  });

  test('fails where the system allows no more mounts', async () => {
    needsRoot('a mount namespace');
    await space.takeEtc('');
    writeFileSync(join(space.folder, 'etc/fuse.conf'), 'mount_max=0\n');
    expect(await space.call('mount', 'fuse2fs')).toMatchObject(failed('too many are mounted'));
  });

  test('fails on an image that holds no file system', async () => {
    writeFileSync(space.request.image, Buffer.alloc(1 << 20));
    expect(await space.call('mount', 'fuse2fs')).toMatchObject(failed('the image holds no file'));
  });

  test('is not tried on an image whose name would become an option', async () => {
    const image = join(space.folder, 'a,allow_other');
    expect(await space.call('obstacle', 'fuse2fs', { image })).toMatch('comma');
  });
});

test('the kernel refuses a damaged image, and lets go of it', async () => {
  needsRoot('a mount namespace');
  await mustExec(['chown', '-R', 'root', space.folder]);
  const { image } = space.request;
  const damage = ['dd', 'if=/dev/zero', `of=${image}`, 'conv=notrunc', 'bs=4096', 'count=1'];
  await mustExec([...damage, 'seek=1']);
  expect(await space.call('mount', 'loop', {}, { as: root })).toMatchObject({
    code: 'MOUNT_FAILED',
    message: expect.stringContaining('the image is damaged') as unknown,
  });
  const ask = 'module.loopDeviceOf(values[0])';
  expect(await space.evaluate('volume/mount-table', ask, [image])).toBeNull();
});

describe('the kernel is not given an image', () => {
  beforeAll(() => {
    needsRoot('a mount by root');
  });
  const obstacle = (image = space.request.image): Promise<unknown> =>
    space.call('obstacle', 'loop', { image }, { as: root });

  test('that others can write, replace, or have put there', async () => {
    expect(await obstacle()).toMatch('others can write to');
    await mustExec(['chown', '-R', 'root', space.folder]);
    expect(await obstacle()).toBeNull();
    chmodSync(space.request.image, 0o666);
    expect(await obstacle()).toMatch('others can write to');
    chmodSync(space.request.image, 0o600);
    chmodSync(space.folder, 0o770);
    expect(await obstacle()).toMatch('others can write to');
    chmodSync(space.folder, 0o700);
    const link = join(space.folder, 'link.img');
    symlinkSync(space.request.image, link);
    expect(await obstacle(link)).toMatch('is not a regular file');
  });

  test('by an ordinary user without a line of fstab that says just that', async () => {
    expect(await space.call('obstacle', 'loop')).toMatch('only root may');
    await space.takeEtc(fstabLine(space.request).replace(',nosuid', ''));
    expect(await space.call('obstacle', 'loop')).toMatch('only root may');
    await space.takeEtc(fstabLine(space.request));
    expect(await space.call('obstacle', 'loop')).toBeNull();
    expect(await space.call('obstacle', 'loop', { image: '/another.img' })).toMatch('only root');
    expect(await space.call('obstacle', 'loop', { readOnly: true })).toMatch('only root');
  });
});

describe('/etc/fstab', () => {
  beforeAll(() => {
    needsRoot('a mount by root');
  });
  const edit = (what: 'add' | 'remove', line = fstabLine(space.request)): Promise<unknown> => {
    const expression = `module.${what}FstabLine(values[0])`;
    return space.evaluate('volume/mounts/index', expression, [line], { as: root });
  };
  const fstab = (): Buffer => readFileSync(join(space.folder, 'etc/fstab'));
  const foreign = Buffer.from('# \xff\xfe\n\n\t/dev/x\t/x ext4 noauto 0 0  # last', 'latin1');

  test('gets the line once and loses it again, and keeps all others byte for byte', async () => {
    await space.takeEtc(foreign);
    expect(await edit('add')).toBeNull();
    expect(await edit('add')).toBeNull();
    const added = Buffer.from(`\n${fstabLine(space.request)}\n`);
    expect(fstab()).toEqual(Buffer.concat([foreign, added]));
    expect(await edit('remove')).toBeNull();
    expect(await edit('remove')).toBeNull();
    expect(fstab()).toEqual(Buffer.concat([foreign, Buffer.from('\n')]));
  });

  test('is not given any line but one of ours', async () => {
    await space.takeEtc(foreign);
    const line = fstabLine(space.request);
    for (const bad of [`/x /y ext4 suid 0 0`, `${line}\n${line}`, line.replace('nodev,', '')]) {
      await expect(edit('add', bad)).rejects.toThrow('not a line made by fstabLine');
    }
    expect(fstab()).toEqual(foreign);
  });
});
