/**
 * A capped share whose folder, or a folder above it, has become a symbolic link since. Nothing is ever
 * moved from, or mounted on, what the link leads to, whatever is asked for, also where the link takes
 * the place only after it was looked at.
 */
import { existsSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import type { ExecResult } from '../../helpers/exec.js';
import { createMountSpace } from '../../helpers/mount-space.js';
import type { MountSpace } from '../../helpers/mount-space.js';
import { needsRoot } from '../../helpers/root.js';
import { mustSucceed, useVolumes } from '../../helpers/volumes.js';

const mountsOf = (home: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((place) => place.startsWith(home));

describe('whatever is asked for', () => {
  const me = useVolumes();

  /** A capped share in a folder of its own, unmounted, with a file in its volume. */
  async function createShare(): Promise<string> {
    const share = join(me.newShare(), 'deep');
    await me.cap(share, '32M');
    await me.sh('echo in the volume > "$1/kept"', share);
    mustSucceed(await me.account.pysync(['unmount', share]));
    return share;
  }

  /** A folder with a file of the owner's, which must stay as it is. */
  async function createTarget(name: string): Promise<string> {
    const target = join(me.account.home, name);
    await me.sh('mkdir -p "$1/deep"; echo mine > "$1/mine"; echo mine > "$1/deep/mine"', target);
    return target;
  }

  async function expectUntouched(share: string, link: string, target: string): Promise<void> {
    const before = await me.sh('find "$1" -printf "%p %i %m %T@\\n"', target);
    const around = readdirSync(me.account.home).sort();
    const peer = await me.letIn(me.newShare());
    // The key of a peer who was let in before, as authorized_keys has it.
    await me.sh('sed -i "s|--share $1 |--share $2 |" ~/.ssh/authorized_keys', '[^ ]*', share);
    const asked = [
      ['mount'],
      ['mount', share],
      ['unmount', share],
      ...['64M', '32M', 'none'].map((size) => ['--dir', share, '--size', size, '--yes']),
      ['--dir', share, '--size', '64M', '--kernel-mount', '--yes'],
      ['-i', peer.publicKey, '--dir', share],
    ];
    for (const words of asked) {
      const { stdout, stderr, exitCode } = await me.account.pysync(words);
      expect({ words, stdout, exitCode }).toEqual({ words, stdout: '', exitCode: 1 });
      const [first = '', , wayOut = ''] = stderr.split('\n');
      const what = link === share ? 'it' : link;
      // Where a folder is named for a share, any known one is looked at first.
      const known = `pysync: ${share} is not the folder that was shared: `;
      if (first.startsWith(known)) {
        expect(stderr).toContain('put the folder back');
        continue;
      }
      expect(first).toBe(
        `pysync: ${share} is not the folder that was capped: ${what} is a symbolic link now, to ${target}`,
      );
      expect(wayOut).toContain(`rm ${link} && pysync mount`);
    }
    const sent = await peer.rsync(['-a', 'id.pub', `${peer.target}:`]);
    expect(sent.exitCode).not.toBe(0);
    expect(sent.stderr).not.toContain(me.account.home);
    const status = await me.status(share);
    expect(status.notes[0]).toMatch(/^nobody can send into it: .* is a symbolic link now, to/);
    const doctor = await me.account.pysync(['doctor', 'volumes']);
    expect(doctor.stdout).toContain(`problem  volumes  ${share}: ${share} is not the folder`);
    const uninstall = await me.account.pysync(['uninstall', '--yes']);
    expect(uninstall.stderr).toContain(`${share} keeps its volume: ${share} is not the folder`);

    expect(await me.sh('find "$1" -printf "%p %i %m %T@\\n"', target)).toBe(before);
    expect(
      readdirSync(me.account.home).filter((name) => /found|before|without/.test(name)),
    ).toEqual(around.filter((name) => /found|before|without/.test(name)));
    expect(mountsOf(me.account.home)).toEqual([]);
    // The way out that it names.
    unlinkSync(link);
    const mounted = await me.account.pysync(['mount', share]);
    expect(mounted).toMatchObject({ stderr: '', exitCode: 0 });
    expect(await me.sh('cat "$1/kept"', share)).toBe('in the volume\n');
    expect(mountsOf(me.account.home)).toEqual([share]);
    mustSucceed(await me.pysync(share, '--size', 'none', '--yes'));
  }

  test('a link in the place of the share is not followed', async () => {
    const share = await createShare();
    const target = await createTarget('documents');
    renameSync(share, `${share}.moved`);
    symlinkSync(target, share);
    await expectUntouched(share, share, target);
  });

  test('a link in the place of a folder above the share is not followed', async () => {
    const share = await createShare();
    const above = dirname(share);
    const target = await createTarget('pictures');
    renameSync(above, `${above}.moved`);
    symlinkSync(target, above);
    await expectUntouched(share, above, target);
  });

  test('a folder above that was moved with the volume in it is not its place any more', async () => {
    const share = join(me.newShare(), 'deep');
    const above = dirname(share);
    const peer = await me.letIn(share, '--size', '32M');
    renameSync(above, `${above}.moved`);
    symlinkSync(`${above}.moved`, above);
    const sent = await peer.rsync(['-a', 'id.pub', `${peer.target}:`]);
    expect(sent.exitCode).not.toBe(0);
    expect(await me.sh('ls -A "$1"', join(`${above}.moved`, basename(share)))).toBe('');
    unlinkSync(above);
    renameSync(`${above}.moved`, above);
    expect(await peer.rsync(['-a', 'id.pub', `${peer.target}:`])).toMatchObject({ exitCode: 0 });
  });

  test('a file in the place of the share is reported in one sentence', async () => {
    const share = await createShare();
    renameSync(share, `${share}.moved`);
    writeFileSync(share, 'a file\n');
    const { stderr, exitCode } = await me.account.pysync(['mount', share]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^pysync: \S+, or the folder it is in, is not a folder any more\n {2}move away/,
    );
    expect((await me.status(share)).notes.join()).toContain('is not a folder any more');
    unlinkSync(share);
    mustSucceed(await me.account.pysync(['mount', share]));
    expect(await me.sh('cat "$1/kept"', share)).toBe('in the volume\n');
  });
});

describe('a link that takes the place in the last moment', () => {
  needsRoot('a stub');
  let account: Account;
  let space: MountSpace;
  let share: string;
  let target: string;

  beforeEach(async () => {
    account = await createAccount();
    space = await createMountSpace(account);
    share = join(account.home, 'share');
    target = join(account.home, 'documents');
    await space.exec(['sh', '-c', 'mkdir "$0" && echo mine >"$0/mine"', target]);
  });

  afterEach(async () => {
    await space.close();
    await account.remove();
  });

  /** Has `tool` put the link there before it does its work, once. */
  async function swapIn(tool: string): Promise<void> {
    const script = `
      if [ "$1" != -V ] && mkdir '${space.folder}/once' 2>/dev/null; then
        mv '${share}' '${share}.moved'; ln -s '${target}' '${share}'
      fi
      exec "$real" "$@"`;
    await space.standIn(tool, script);
  }

  function pysync(...words: readonly string[]): Promise<ExecResult> {
    const program = join(inject('program'), 'bin/pysync.js');
    const env = { HOME: account.home, USER: account.name };
    return space.exec([inject('node'), program, ...words], { env, timeoutMs: 60_000 });
  }

  async function expectNothingThere(): Promise<void> {
    expect(readdirSync(target)).toContain('mine');
    const { stdout } = await space.exec(['cat', '/proc/self/mountinfo']);
    expect(stdout).not.toContain(` ${account.home}/`);
    expect(existsSync(`${share}.before-volume`)).toBe(false);
    unlinkSync(share);
    renameSync(`${share}.moved`, share);
  }

  const create = ['--size', '32M', '--engine', 'e2fsprogs'];

  test('is not mounted on by fuse2fs', async () => {
    mustSucceed(await pysync('--dir', share, ...create));
    mustSucceed(await pysync('unmount', share));
    unlinkSync(join(target, 'mine'));
    await swapIn('/usr/bin/fuse2fs');
    const { stderr, exitCode } = await pysync('mount', share);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^pysync: \S+ is not the folder that was capped: it is a symbolic link/);
    writeFileSync(join(target, 'mine'), 'mine\n');
    await expectNothingThere();
    mustSucceed(await pysync('mount', share));
    mustSucceed(await pysync('unmount', share));
  });

  test('is not mounted on by the kernel, for root or by the line in fstab', async () => {
    const etc = await space.takeEtc('');
    mkdirSync(join(etc, 'sudoers.d'), { recursive: true });
    writeFileSync(join(etc, 'sudoers.d/pysync-test'), `${account.name} ALL=(root) NOPASSWD: ALL\n`);
    mustSucceed(await pysync('--dir', share, ...create, '--kernel-mount', '--yes'));
    mustSucceed(await pysync('unmount', share));
    unlinkSync(join(target, 'mine'));
    // mount(8) is setuid, which a script cannot be; flock(1) runs it.
    await swapIn('/usr/bin/flock');
    const { stderr, exitCode } = await pysync('mount', share);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^pysync: \S+ is not the folder that was capped: it is a symbolic link/);
    writeFileSync(join(target, 'mine'), 'mine\n');
    await expectNothingThere();
    mustSucceed(await pysync('mount', share));
    mustSucceed(await pysync('unmount', share));
  });

  test.each([
    ['while the file system is made', '/usr/sbin/mke2fs'],
    ['while the files are copied', '/usr/bin/rsync'],
  ])('is no place for files of the share %s', async (_when, tool) => {
    await space.exec(['sh', '-c', 'mkdir "$0" && echo a >"$0/a"', share]);
    await swapIn(tool);
    const { stderr, exitCode } = await pysync('--dir', share, ...create, '--yes');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^pysync: \S+ is not the folder that was capped: it is a symbolic link/);
    await expectNothingThere();
    expect(readFileSync(join(share, 'a'), 'utf8')).toBe('a\n');
    expect((await pysync('status')).stdout).not.toContain('capped');
  });
});
