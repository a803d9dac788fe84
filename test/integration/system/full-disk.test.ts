/**
 * The disk of the account's home is full, of bytes or of files: a peer may have filled it. Keys can
 * be revoked all the same, one after the other, and everything that only looks works; whatever
 * needs room says so in a sentence. The disks are real ones, and small.
 */
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { exec, mustExec } from '../../helpers/exec.js';
import type { ExecResult } from '../../helpers/exec.js';
import { useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';
import { needsRoot } from '../../helpers/root.js';
import { createTemporaryFolder, waitFor } from '../../helpers/tmp.js';
import { giveDisk, mebibyte, useVolumes } from '../../helpers/volumes.js';

const fillBytes =
  'cat /dev/zero > ballast; i=0; mkdir -p b; while echo x > b/$i; do i=$((i + 1)); done';
const fillInodes = 'mkdir -p b; i=0; while : > b/$$-$i; do i=$((i + 1)); done';
const ext4 = 'mkfs.ext4 -q -m 0 -b 1024 -E root_owner=$1:$2';
const tmpfs = 'mount -t tmpfs -o mode=700,uid=$1,gid=$2';

/** What makes a disk at $0 for the user $1 and group $2, and what the account fills it with. */
const disks: readonly (readonly [string, string, string])[] = [
  [
    'an ext4 without a free block',
    `truncate -s 4M "$0.disk"; ${ext4} -N 2000 "$0.disk"; mount -o loop "$0.disk" "$0"`,
    fillBytes,
  ],
  [
    'an ext4 without a free inode',
    `truncate -s 8M "$0.disk"; ${ext4} -N 200 "$0.disk"; mount -o loop "$0.disk" "$0"`,
    fillInodes,
  ],
  ['a tmpfs without a free page', `${tmpfs},size=1M none "$0"`, fillBytes],
  ['a tmpfs without a free inode', `${tmpfs},size=8M,nr_inodes=120 none "$0"`, fillInodes],
];

describe.each(disks)('%s', (_name, make, fill) => {
  let account: Account;
  const foreign = '# mine\nssh-ed25519 AAAA of somebody else\n';
  const keyFile = (): string => join(account.home, '.ssh/authorized_keys');
  const lines = (): string => readFileSync(keyFile(), 'utf8');
  const isFull = async (): Promise<boolean> =>
    (await account.run(['sh', '-c', 'echo x > probe'])).exitCode !== 0;

  beforeAll(async () => {
    needsRoot('a disk');
    account = await createAccount();
    const { home, uid, gid } = account;
    await mustExec(['sh', '-euc', make, home, String(uid), String(gid)]);
    await exec(['rmdir', join(home, 'lost+found')]);
  });

  afterAll(async () => {
    await account.remove();
    await exec(['rm', '-f', `${account.home}.disk`]);
  });

  beforeEach(async () => {
    await mustExec(['find', account.home, '-mindepth', '1', '-delete']);
    await account.run(['mkdir', '-m', '700', '.ssh']);
    await account.run(['sh', '-c', 'umask 077; cat > .ssh/authorized_keys'], { input: foreign });
    for (const name of ['bob', 'carol', 'dora']) {
      const imported = await account.pysync(['-i', ed25519Line(name), '--name', name]);
      expect(imported).toMatchObject({ exitCode: 0 });
    }
    await account.run(['sh', '-c', `${fill} 2>/dev/null`], { timeoutMs: 60_000 });
    expect(await isFull()).toBe(true);
  });

  it('keeps nobody from revoking keys, one after the other, and loses no other line', async () => {
    for (const name of ['bob', 'carol', 'dora']) {
      const others = lines()
        .split('\n')
        .filter((line) => !line.includes(` --peer ${name} `));
      const { stdout, stderr, exitCode } = await account.pysync(['revoke', name]);
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      expect(stdout).toContain('revoked');
      expect(lines()).toBe(others.join('\n'));
      // What became free by it is taken, too.
      await account.run(['sh', '-c', `${fill} 2>/dev/null`], { timeoutMs: 60_000 });
    }
    expect(lines()).toBe(foreign);
  });

  it('keeps nobody from looking', async () => {
    for (const args of [['keys'], [], ['status', '--json'], ['log'], ['config'], ['--help']]) {
      expect({ args, ...(await account.pysync(args)) }).toMatchObject({
        args,
        exitCode: 0,
        stderr: '',
      });
    }
    expect((await account.pysync(['keys'])).stdout).toMatch(/\nbob .*\ncarol .*\ndora /);
    const { stdout, stderr } = await account.pysync(['doctor']);
    expect(stderr).toMatch(/^pysync: \d+ problems found\n$/);
    expect(stdout).toMatch(
      /problem +launcher +the disk of \S+ (is full|has no room for another file)/,
    );
    expect(stdout).toMatch(/problem +shares +\S+: the disk has (\S+ left|room for 0 more files)/);
  });

  it('is told in a sentence by whatever needs room, and nothing has changed then', async () => {
    const before = lines();
    for (const args of [
      ['-i', ed25519Line('eve')],
      ['-i', ed25519Line('eve'), '--size', '32M', '--engine', 'e2fsprogs'],
      ['--size', '32M', '--engine', 'e2fsprogs'],
      ['-i', ed25519Line('eve'), '--dir', 'new'],
      ['config', 'log-count', '7'],
      ['doctor', '--fix'],
    ]) {
      const { stdout, stderr, exitCode } = await account.pysync(args);
      expect(stdout + stderr).not.toContain('this is a bug');
      expect({ args, exitCode }).toEqual({ args, exitCode: 1 });
      if (args[0] === 'doctor') continue;
      const [first, ...hints] = stderr.trimEnd().split('\n');
      expect({ args, first }).toEqual({
        args,
        first: expect.stringMatching(/^pysync: .*(space|room|disk|quota)/) as string,
      });
      expect({ args, hints }).toEqual({
        args,
        hints: expect.arrayContaining([expect.stringMatching(/^ {2}\S/)]) as string[],
      });
    }
    expect(lines()).toBe(before);
    const redirected = await account.run([
      ...['sh', '-c', '"$@" >> ballast', 'sh', inject('node')],
      ...[join(inject('program'), 'bin/pysync.js'), 'keys', '--json'],
    ]);
    expect(redirected.stderr).not.toContain('this is a bug');
  });

  it('leaves the old or the new keys wherever a revoke is killed, and the next one works', async () => {
    const preload = join(createTemporaryFolder(account).path, 'kill-volume-step.mjs');
    cpSync(join(import.meta.dirname, '../../fixtures/kill-volume-step.mjs'), preload);
    const old = lines();
    const expected = old
      .split('\n')
      .filter((line) => !line.includes(' --peer carol '))
      .join('\n');
    const run = (at: number): Promise<ExecResult> =>
      account.run(
        [
          inject('node'),
          '--import',
          preload,
          join(inject('program'), 'bin/pysync.js'),
          'revoke',
          'carol',
        ],
        { env: { KILL_AT: String(at) } },
      );
    let kills = 0;
    for (let at = 1; (await run(at)).exitCode === 137; at += 1) {
      kills += 1;
      expect([old, expected]).toContain(lines());
      const again = await account.pysync(['revoke', 'carol']);
      expect(lines()).toBe(expected);
      expect([0, 1]).toContain(again.exitCode);
      // As it was: with room, the import sets some aside again.
      await mustExec(['sh', '-c', 'rm -rf "$0/ballast" "$0/b"', account.home]);
      await account.run(['sh', '-c', 'cat > .ssh/authorized_keys'], { input: old });
      await account.pysync([
        '-i',
        /^.*--peer dora .*(ssh-ed25519 .*)$/m.exec(old)?.[1] ?? '',
        '--name',
        'dora',
      ]);
      expect(lines()).toBe(old);
      await account.run(['sh', '-c', `${fill} 2>/dev/null`], { timeoutMs: 60_000 });
    }
    expect(kills).toBeGreaterThan(2);
    expect(lines()).toBe(expected);
  });
});

describe('a quota that is used up', () => {
  // As the kernel answers then, wherever something new would be made.
  const preload = `data:text/javascript,${encodeURIComponent(`
    import promises from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    const full = () => Promise.reject(Object.assign(new Error('EDQUOT'), { code: 'EDQUOT' }));
    const { open } = promises;
    promises.symlink = full;
    promises.open = (path, flags, ...rest) => flags === 'wx' ? full() : open(path, flags, ...rest);
    syncBuiltinESMExports();`)}`;
  const home = useHome();

  it('keeps nobody from revoking a key', async () => {
    await home.pysync(['-i', ed25519Line('bob'), '--name', 'bob']);
    const program = join(inject('program'), 'bin/pysync.js');
    const revoke = [inject('node'), '--import', preload, program, 'revoke', 'bob'];
    const { stderr, exitCode } = await home.account.run(revoke);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(home.read('.ssh/authorized_keys')).toBe('');
    expect(readdirSync(home.path('.ssh'))).toEqual(['authorized_keys']);
  });

  it('is named where no room was set aside, and nothing is changed', async () => {
    await home.pysync(['-i', ed25519Line('bob'), '--name', 'bob']);
    await home.account.run(['rm', '.local/share/pysync/reserve']);
    const before = home.keyLines();
    const program = join(inject('program'), 'bin/pysync.js');
    const revoke = [inject('node'), '--import', preload, program, 'revoke', 'bob'];
    const { stderr, exitCode } = await home.account.run(revoke);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^pysync: .*: the disk quota is used up\n {2}free some space/);
    expect(home.keyLines()).toEqual(before);
  });
});

describe('a peer who has filled the disk, and goes on sending', () => {
  const me = useVolumes();

  beforeAll(async () => {
    await giveDisk(me.account.home, me.account, 128 * mebibyte);
  });

  afterEach(() => me.sh('rm -rf ballast b'));

  it.each(['plain', 'capped'])('is revoked while they send into a %s share', async (kind) => {
    const share = me.newShare();
    if (kind === 'capped') await me.cap(share, '32M');
    const peer = await me.letIn(share, '--name', kind);
    writeFileSync(join(peer.folder, 'large'), Buffer.alloc(8 * mebibyte, 'x'));
    const words = ['-a', '--bwlimit=2M', 'large', `${peer.target}:`];
    const sending = peer.rsync(words);
    await waitFor('a part', async () => (await me.sh('ls -AR "$1"', share)).includes('\nlarge.'));
    // What the peer is still sending wants all that becomes free.
    await me.account.run(['sh', '-c', `${fillBytes} 2>/dev/null`]);
    const { stdout, stderr, exitCode } = await me.account.pysync(['revoke', kind]);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    // Into a plain share it has ended by itself.
    if (kind === 'capped') expect(stdout).toContain('ended a running transfer of capped');
    expect((await sending).exitCode).not.toBe(0);
    const again = await peer.rsync(['-a', 'id.pub', `${peer.target}:`]);
    expect(again.stderr).toContain('Permission denied (publickey)');
  });
});
