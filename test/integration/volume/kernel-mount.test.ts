/**
 * `--kernel-mount` by an ordinary user, through the real sudo, in a mount namespace that has an /etc
 * of its own: the machine's fstab and sudoers are never touched.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import type { ExecResult } from '../../helpers/exec.js';
import { createMountSpace } from '../../helpers/mount-space.js';
import type { MountSpace } from '../../helpers/mount-space.js';
import { needsRoot } from '../../helpers/root.js';
import { waitFor } from '../../helpers/tmp.js';

needsRoot('changing sudoers');

const foreign = Buffer.from('# \xff\xfe\n\n\t/dev/x\t/x ext4 noauto 0 0  # last\n', 'latin1');

let account: Account;
let space: MountSpace;
let etc: string;
let share: string;

beforeEach(async () => {
  account = await createAccount();
  space = await createMountSpace(account);
  etc = await space.takeEtc(foreign);
  share = join(account.home, 'a share');
});

afterEach(async () => {
  await space.exec(['umount', '--lazy', share], { as: { uid: 0, gid: 0 } });
  await space.close();
  await account.remove();
});

function pysync(...words: readonly string[]): Promise<ExecResult> {
  const program = join(inject('program'), 'bin/pysync.js');
  const argv = [inject('node'), program, ...words];
  const env = { HOME: account.home, USER: account.name };
  return space.exec(argv, { env, timeoutMs: 60_000 });
}

function allowSudo(): void {
  const file = join(etc, 'sudoers.d/pysync-test');
  writeFileSync(file, `${account.name} ALL=(root) NOPASSWD: ALL\n`);
  chmodSync(file, 0o440);
}

/** Gives the share a cap. */
function cap(...words: readonly string[]): Promise<ExecResult> {
  return pysync('--dir', share, '--engine', 'e2fsprogs', '--size', '64M', ...words);
}

function uncap(): Promise<ExecResult> {
  return pysync('--dir', share, '--size', 'none', '--yes');
}

const fstab = (): Buffer => readFileSync(join(etc, 'fstab'));

async function mountEntry(mountPoint = share): Promise<string> {
  const words = ['grep', '-F', ` ${mountPoint.replace(' ', '\\040')} `, '/proc/self/mountinfo'];
  return (await space.exec(words)).stdout;
}

async function deviceAt(mountPoint: string): Promise<string> {
  return / \/dev\/(loop\d+) /.exec(await mountEntry(mountPoint))?.[1] ?? '';
}

test('sudo adds the line, the user mounts by it ever after, and lifting the cap removes it', async () => {
  allowSudo();
  const made = await cap('--kernel-mount', '--yes');
  expect(made).toMatchObject({ stderr: '', exitCode: 0 });
  expect(made.stdout).toContain('is mounted with loop');
  const [line = '', ...rest] = fstab().subarray(foreign.length).toString().split('\n');
  expect(fstab().subarray(0, foreign.length)).toEqual(foreign);
  expect(line).toMatch(/^\/\S+\.img \/\S+\/a\\040share ext4 user,noauto,loop,nosuid,nodev,noexec,/);
  expect(rest).toEqual(['']);
  expect(await mountEntry()).toMatch(/ rw,nosuid,nodev,noexec.* - ext4 \/dev\/loop\d+ /);

  // From now on without sudo.
  writeFileSync(join(etc, 'sudoers.d/pysync-test'), '');
  const write = ['sh', '-c', 'echo text > "$0/file"', share];
  expect(await space.exec(write)).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await pysync('unmount', share)).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await mountEntry()).toBe('');
  expect(await pysync('mount', share)).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await mountEntry()).toContain('/dev/loop');
  allowSudo();
  expect(await uncap()).toMatchObject({ stderr: '', exitCode: 0 });
  expect(fstab()).toEqual(foreign);
  expect(readFileSync(join(share, 'file'), 'utf8')).toBe('text\n');
});

test('where sudo wants a password and there is no terminal, one sentence says so', async () => {
  const { stdout, stderr, exitCode } = await cap('--kernel-mount', '--yes');
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
  const [first = '', byHand = '', instead = '', ...more] = stderr.split('\n');
  expect(first).toBe('pysync: sudo asks for a password, and there is no terminal for it');
  expect(byHand).toMatch(/^ {2}add this line of \/etc\/fstab by hand, as root: \/\S+\.img \//);
  expect(instead).toBe('  the share has its cap, and is mounted with fuse2fs');
  expect(more).toEqual(['']);
  expect(fstab()).toEqual(foreign);
  expect(await mountEntry()).toContain(' - fuse.ext4 ');
  // Nobody said that it may be added.
  const asked = await cap('--kernel-mount');
  expect(asked.stderr).toMatch(/^pysync: the line was not added to \/etc\/fstab\n {2}add --yes /);
  expect(fstab()).toEqual(foreign);
  expect(await uncap()).toMatchObject({ stderr: '', exitCode: 0 });
});

test('the kernel finds nothing wrong with an empty volume that fuse2fs has closed', async () => {
  allowSudo();
  const image = (): string => fstab().subarray(foreign.length).toString().split(' ')[0] ?? '';
  expect(await cap('--kernel-mount', '--yes')).toMatchObject({ exitCode: 0 });
  // The control: the same image, mounted as the kernel does by itself.
  const [copy, place] = [join(account.home, 'copy.img'), join(account.home, 'place')];
  const asRoot = { as: { uid: 0, gid: 0 } };
  const script = 'mkdir "$2" && cp "$0" "$1" && mount -o loop "$1" "$2"';
  expect(await pysync('unmount', share)).toMatchObject({ exitCode: 0 });
  const control = await space.exec(['sh', '-c', script, image(), copy, place], asRoot);
  expect(control).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await pysync('mount', share)).toMatchObject({ exitCode: 0 });
  const since = Date.now();
  const hasErrors = async (mountPoint: string): Promise<boolean> =>
    Number(readFileSync(`/sys/fs/ext4/${await deviceAt(mountPoint)}/errors_count`, 'utf8')) > 0;
  // The kernel begins at some moment of the first five seconds.
  const isOver = async (): Promise<boolean> =>
    (await hasErrors(place)) && Date.now() - since > 5500;
  await waitFor('the error', isOver, 30_000);
  expect(await hasErrors(share)).toBe(false);
  expect(await space.exec(['umount', place], asRoot)).toMatchObject({ exitCode: 0 });
  expect(await uncap()).toMatchObject({ stderr: '', exitCode: 0 });
});
