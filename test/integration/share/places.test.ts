/**
 * Which folders may be a share: what could be written there must not let a peer run a program, and
 * nobody else on the machine may be able to put another folder in its place. Refused with a reason
 * and a way out, and nothing is made; where it is only good to know, one sentence.
 */
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Account } from '../../helpers/account.js';
import { createAccount } from '../../helpers/account.js';
import { mustExec } from '../../helpers/exec.js';
import type { ExecResult } from '../../helpers/exec.js';
import { readFindings } from '../../helpers/findings.js';
import { parseJson, useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';
import { needsRoot } from '../../helpers/root.js';

const home = useHome();
let stranger: Account;
/** A folder outside the home whose way from the root is root's alone, as that to /srv is. */
let srv = '';

beforeAll(async () => {
  needsRoot('making accounts');
  stranger = await createAccount();
  srv = join('/srv', `pysynct-${process.pid}`);
  mkdirSync(srv, { mode: 0o755 });
});

afterAll(async () => {
  rmSync(srv, { recursive: true, force: true });
  await stranger.remove();
});

const importInto = (folder: string, ...args: readonly string[]): Promise<ExecResult> =>
  home.pysync(['-i', ed25519Line(), '--dir', folder, ...args]);

/** Runs as root, in a shell that has the account's name as $1 and a stranger's as $2. */
const asRoot = (script: string): Promise<ExecResult> =>
  mustExec(['sh', '-euc', `cd "$0"; ${script}`, srv, home.account.name, stranger.name]);

async function expectRefused(folder: string, reason: RegExp | string): Promise<string> {
  const before = await home.snapshot();
  const { stdout, stderr, exitCode } = await importInto(folder);
  expect({ folder, stdout, exitCode }).toEqual({ folder, stdout: '', exitCode: 1 });
  expect(stderr).toMatch(/^pysync: \S.* cannot be a share: /);
  expect(stderr).toMatch(reason);
  expect(stderr.trimEnd().split('\n').length).toBeGreaterThan(1);
  expect(await home.snapshot()).toBe(before);
  return stderr;
}

/** It may be one, and what is said of it. */
async function expectTaken(folder: string): Promise<string> {
  const { stdout, stderr, exitCode } = await importInto(folder);
  expect({ folder, exitCode, stderr }).toMatchObject({ folder, exitCode: 0 });
  expect(stdout).toContain('can now use plain rsync');
  return stderr;
}

describe('a folder of the home', () => {
  it.each([
    '.gnupg',
    '.cargo/bin',
    '.local/share/systemd/user',
    '.mozilla',
    '.anything/at/all',
    'work/project/.git/hooks',
    'work/.venv',
    '.bashrc.d',
    'snap/firefox/common',
  ])('is refused where programs keep their settings: %s', async (folder) => {
    await expectRefused(folder, /hidden folder|settings of your programs|programs are run/);
  });

  it('is refused where a hidden file or folder of the home leads into it', async () => {
    home.write('dotfiles/bashrc', '');
    symlinkSync('dotfiles/bashrc', home.path('.bashrc'));
    home.write('keys/ring', '');
    symlinkSync(home.path('keys'), home.path('.gnupg'));
    await expectRefused('dotfiles', /\.bashrc leads there/);
    await expectRefused('keys/new', /\.gnupg leads there/);
    await expectTaken('other');
  });

  it('is refused where programs are run from it or from below it', async () => {
    home.write('go/bin/tool', '', 0o755);
    const env = { PATH: `${home.path('go/bin')}:/usr/bin:/bin` };
    for (const folder of ['go/bin', 'go']) {
      const { stderr, exitCode } = await home.pysync(['-i', ed25519Line(), '--dir', folder], {
        env,
      });
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('programs are run from there') as string,
      });
    }
    await expectTaken('go-home');
    const program = home.write('tools/tell', '#!/bin/sh\n', 0o755);
    await home.pysync(['config', 'set', 'on-received', program]);
    await expectRefused('tools', /programs are run from there/);
  });

  it('is refused where pysync itself and Node are run from it', async () => {
    for (const place of [
      inject('program'),
      join(inject('program'), 'dist'),
      dirname(inject('node')),
    ])
      await expectRefused(place, /run from there|belongs to/);
  });

  it.each(['from-bob', 'Downloads/x', 'public', 'Desktop', 'a.b/c.d'])(
    'is taken where it is an ordinary one: %s',
    async (folder) => {
      expect(await expectTaken(folder)).toBe('');
    },
  );
});

describe('a folder that others may write', () => {
  it.each(['/tmp', '/var/tmp', '/dev/shm'])('is refused: %s and what is in it', async (place) => {
    await expectRefused(place, /everybody|system|pysync itself/);
    const inside = join(place, `pysynct-${process.pid}`);
    await expectRefused(inside, /everybody|system/);
    await home.account.run(['mkdir', '-m', '700', inside]);
    await expectRefused(inside, /everybody|system/);
    rmSync(inside, { recursive: true });
  });

  it('is refused where everybody or a group may write it, or a folder above it', async () => {
    await home.account.run(['mkdir', '-p', 'open/inside', 'group']);
    chmodSync(home.path('open'), 0o777);
    expect(await expectRefused('open', 'it can be written by everybody')).toContain(
      `chmod go-w ${home.path('open')}\n`,
    );
    await expectRefused('open/inside', /open can be written by everybody/);
    chmodSync(home.path('open'), 0o1777);
    await expectRefused('open/inside', /open can be written by everybody/);
    await expectRefused('open/new', /open can be written by everybody/);
    await mustExec(['chgrp', 'users', home.path('group')]);
    chmodSync(home.path('group'), 0o770);
    await expectRefused('group', 'it can be written by the group users');
  });

  it('is taken where the group is the account’s own and nobody else is in it', async () => {
    await home.account.run(['sh', '-c', 'umask 002; mkdir -p mine/inside']);
    expect(home.mode('mine')).toBe('775');
    await expectTaken('mine/inside');
  });

  it('is refused where an ACL lets somebody in who is not', async () => {
    await home.account.run(['mkdir', '-m', '700', 'listed']);
    await mustExec(['setfacl', '-m', `u:${stranger.name}:rwx`, home.path('listed')]);
    expect(await expectRefused('listed', 'it has an access list that lets others write')).toContain(
      'chmod go-w',
    );
  });
});

describe('a folder of somebody else', () => {
  it('is refused, and one below it too', async () => {
    await asRoot(
      'mkdir -m 777 theirs; mkdir theirs/mine; chown "$2" theirs; chown "$1" theirs/mine',
    );
    await asRoot('chmod 755 theirs');
    await expectRefused(join(srv, 'theirs'), `it belongs to ${stranger.name}`);
    await expectRefused(join(srv, 'theirs/mine'), `theirs belongs to ${stranger.name}`);
    await expectRefused(
      join(stranger.home, 'drop'),
      `${stranger.home} belongs to ${stranger.name}`,
    );
    await asRoot('mkdir -m 775 roots; chgrp "$1" roots');
    await expectRefused(join(srv, 'roots'), 'it belongs to root');
  });

  it('is taken where it is the account’s own below folders of root: /srv/x, /mnt/disk/x', async () => {
    await asRoot('install -d -o "$1" -m 700 own disk disk/x');
    for (const folder of ['own', 'disk/x', 'disk/new']) {
      expect(await expectTaken(join(srv, folder))).toBe('');
    }
  });
});

describe('one sentence', () => {
  it('says that others may read what is sent, where they get there', async () => {
    await home.account.run(['mkdir', '-m', '755', 'seen']);
    chmodSync(home.account.home, 0o755);
    const said = await expectTaken('seen');
    chmodSync(home.account.home, 0o700);
    expect(said).toBe(
      `pysync: others on this machine may look into ${home.path('seen')}: chmod go-rwx ${home.path('seen')}\n`,
    );
    expect(await expectTaken('seen')).toBe('');
  });

  it('says that a share lies in another, or holds it', async () => {
    await expectTaken('outer');
    expect(await expectTaken('outer/inner')).toBe(
      `pysync: ${home.path('outer/inner')} lies in ${home.path('outer')}, so the peers of ${home.path('outer')} reach it too\n`,
    );
    await expectTaken('tree/leaf');
    expect(await expectTaken('tree')).toContain(`${home.path('tree/leaf')} lies in`);
  });

  it('says that a folder is a mount point, which may be bare one day', async () => {
    await asRoot('mkdir usb; mount -t tmpfs -o "size=1M,mode=700,uid=$(id -u "$1")" none usb');
    expect(await expectTaken(join(srv, 'usb'))).toContain(`${srv}/usb is a mount point`);
    expect(await expectTaken(join(srv, 'usb/in'))).not.toContain('mount point');
    await asRoot('umount usb');
  });

  it('says that a web server may show or run what is sent', async () => {
    expect(await expectTaken('public_html/drop')).toContain('web server');
  });
});

describe('a share that was taken before and would be refused now', () => {
  it('is told by doctor, gets no further key, and can be given up', async () => {
    await expectTaken('once');
    chmodSync(home.path('once'), 0o777);
    const found = readFindings(await home.pysync(['doctor', 'shares', '--json'])).of('shares');
    expect(found).toEqual([
      `problem: ${home.path('once')} cannot be a share: it can be written by everybody`,
    ]);
    await expectRefused('once', 'it can be written by everybody');
    const { exitCode } = await home.pysync(['--dir', 'once', '--size', 'none', '--yes']);
    expect(exitCode).toBe(0);
  });
});

it('what is refused makes nothing, with --size, --dry-run and --json too', async () => {
  const before = await home.snapshot();
  for (const args of [['--dry-run'], ['--json'], ['--size', '32M']]) {
    expect(await importInto('.gnupg', ...args)).toMatchObject({ stdout: '', exitCode: 1 });
  }
  expect(await home.pysync(['--dir', '.gnupg', '--size', '32M'])).toMatchObject({ exitCode: 1 });
  expect(await home.snapshot()).toBe(before);
  expect(parseJson(await importInto('fine', '--json'))).toMatchObject({ share: home.path('fine') });
});
