/** `pysync uninstall` on a receiver who has used it for all there is, capped shares included. */
import { cpSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { parseMountTable } from '../../../src/ready/mount-table.js';
import { parseJson } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';
import type { Peer } from '../../helpers/peer.js';
import { listTree } from '../../helpers/receiver.js';
import { waitFor } from '../../helpers/tmp.js';
import { mustSucceed, useVolumes } from '../../helpers/volumes.js';

const me = useVolumes();
const own = ['.local/share/pysync', '.local/state/pysync', '.config/pysync'];
/** Bytes that are no UTF-8, and no newline at the end. */
const foreign = Buffer.concat([
  Buffer.from('# m\xffine\r\n', 'latin1'),
  Buffer.from(ed25519Line()),
]);

const path = (name: string): string => join(me.account.home, name);
const uninstall = (...args: readonly string[]) => me.account.pysync(['uninstall', ...args]);
const ownFolders = (): string[] => own.filter((name) => existsSync(path(name)));
const keyLines = (): Buffer => readFileSync(path('.ssh/authorized_keys'));

function mounts(): string[] {
  return parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8'))
    .map(({ mountPoint }) => mountPoint)
    .filter((place) => place.startsWith(`${me.account.home}/`));
}

/** Everything in the home with its size and time. */
const everything = (): Promise<string> =>
  me.sh('find . -path ./.ssh -prune -o -printf "%p %s %T@\\n" | sort; cat .ssh/*');

interface Scene {
  readonly capped: string;
  readonly bob: Peer;
  readonly before: readonly string[];
}

beforeEach(async () => {
  mustSucceed(await uninstall('--yes', '--delete-files'));
  await me.sh('rm -rf .ssh share* "plain share"* && mkdir -m 700 .ssh');
  await me.sh('cat > .ssh/authorized_keys < "$1"', foreignFile());
});

function foreignFile(): string {
  const file = path('foreign');
  writeFileSync(file, foreign);
  return file;
}

/** Bob may send into a capped share that had a file before, carol into one without a cap. */
async function useAll(): Promise<Scene> {
  const capped = me.newShare();
  await me.sh('mkdir "$1" && echo old > "$1/old"', capped);
  await me.cap(capped, '32M');
  const bob = await me.letIn(capped, '--name', 'bob');
  writeFileSync(join(bob.folder, 'sent'), 'from bob');
  mustSucceed(await bob.rsync(['sent', `${bob.target}:`]));
  const plain = ['--dir', path('plain share'), '-i', ed25519Line(), '--name', 'carol'];
  mustSucceed(await me.account.pysync(plain));
  await me.sh('echo c > "plain share/c"');
  mustSucceed(await me.account.pysync(['config', 'github-api-url', 'https://h.example/api/v3']));
  return { capped, bob, before: await me.sums(capped) };
}

describe('pysync uninstall', () => {
  it('removes all but the files, and says what stays', async () => {
    const { capped, bob, before } = await useAll();
    const { stdout, stderr, exitCode } = await uninstall('--yes');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(ownFolders()).toEqual([]);
    expect(mounts()).toEqual([]);
    // sshd read the last line without its newline; the one that was added is all that stays.
    expect(keyLines()).toEqual(Buffer.concat([foreign, Buffer.from('\r\n')]));
    expect(await me.sums(capped)).toEqual(before);
    expect(readFileSync(path('plain share/c'), 'utf8')).toBe('c\n');
    expect((await bob.rsync(['sent', `${bob.target}:`])).stderr).toContain('Permission denied');
    expect(stdout).toBe(
      [
        'the keys of bob, carol were revoked',
        `${capped} is an ordinary folder now`,
        'What stays:',
        `  the files in ${capped}`,
        `  the files in ${path('plain share')}`,
        `  files that pysync moved aside, in ${capped}.before-volume`,
        `  the program, in ${inject('program')}`,
        '  packages of the system, such as rsync, bubblewrap and fuse2fs',
        '',
      ].join('\n'),
    );
    const again = await uninstall('--yes');
    expect(again).toMatchObject({ stderr: '', exitCode: 0 });
    expect(again.stdout).toMatch(/^pysync has put nothing on this machine but itself\n/);
    expect(ownFolders()).toEqual([]);
  });

  it('does nothing without a word for it, and says what it would do', async () => {
    const { capped } = await useAll();
    const before = await everything();
    for (const args of [[], ['--dry-run'], ['--yes', '--dry-run'], ['--delete-files']]) {
      const { stdout, stderr, exitCode } = await uninstall(...args);
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      expect(stdout).toContain('2 keys of bob, carol: taken out of ~/.ssh/authorized_keys\n');
      expect(stdout).toContain(`the volume of ${capped} (32MB): `);
      expect(stdout).toMatch(/\nnothing was changed; to do this: pysync uninstall --yes/);
      const deletes = args.includes('--delete-files');
      expect(stdout.includes(`${capped}: DELETED`)).toBe(deletes);
    }
    const plan = parseJson(await uninstall('--json')) as { applied: boolean; plan: string[] };
    expect(plan).toMatchObject({ applied: false });
    expect(plan.plan.join()).toContain(capped);
    expect(await everything()).toBe(before);
  });

  it('deletes the files of shares only when that is said, and nothing else', async () => {
    const { capped } = await useAll();
    await me.sh('echo m > mine');
    expect(await uninstall('--yes', '--delete-files', '--json')).toMatchObject({ exitCode: 0 });
    expect([capped, `${capped}.before-volume`, path('plain share')].filter(existsSync)).toEqual([]);
    expect(ownFolders()).toEqual([]);
    expect(mounts()).toEqual([]);
    expect(readFileSync(path('mine'), 'utf8')).toBe('m\n');
    expect(keyLines().subarray(0, foreign.length)).toEqual(foreign);
  });

  it('never deletes what is not a share, or is mounted in one', async () => {
    const { capped } = await useAll();
    // What the owner of the account could have written there by hand.
    await me.sh('sed -i "s|--share $1|--share $2|" .ssh/authorized_keys', capped, me.account.home);
    const disk = path('plain share/disk');
    await me.sh(
      'mkdir "$1"; truncate -s 8M disk.img; mke2fs -q -F disk.img; fuse2fs -o fakeroot disk.img "$1"; echo x > "$1/precious"',
      disk,
    );
    try {
      const { stderr, exitCode } = await uninstall('--yes', '--delete-files');
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`${me.account.home} was not deleted: `);
      expect(stderr).toContain(`'${path('plain share')}' was not deleted: `.replaceAll("'", ''));
      expect(existsSync(path('.ssh/authorized_keys'))).toBe(true);
      expect(await me.sh('cat "$1/precious"', disk)).toBe('x\n');
    } finally {
      await me.sh('fusermount3 -u "$1"', disk);
    }
  });

  it('leaves a volume whose files have no room outside it, and can be run again', async () => {
    const { capped, before } = await useAll();
    await me.sh('truncate -s 8T "$1/huge"', capped);
    const first = await uninstall('--yes');
    expect(first.exitCode).toBe(1);
    expect(first.stderr).toContain('pysync: not everything could be removed\n');
    expect(first.stderr).toContain(`  ${capped} keeps its volume: there is no room for the files`);
    expect(keyLines().toString()).not.toContain('pysync/launcher');
    expect(readdirSync(path('.local/share/pysync'))).toEqual(['shares.json', 'volumes']);
    expect(await me.sh('ls "$1"', capped)).toBe('huge\nold\nsent\n');
    await me.sh('rm "$1/huge"', capped);
    mustSucceed(await uninstall('--yes'));
    expect(ownFolders()).toEqual([]);
    expect(await me.sums(capped)).toEqual(before);
  });

  it('ends a transfer that runs', async () => {
    const { bob, capped } = await useAll();
    writeFileSync(join(bob.folder, 'big'), Buffer.alloc(16 * 2 ** 20, 'x'));
    const sending = bob.rsync(['--inplace', '--bwlimit=400', 'big', `${bob.target}:`]);
    const size = (): Promise<string> => me.sh('stat -c %s "$1/big" || echo 0', capped);
    await waitFor('a part to arrive', async () => Number(await size()) > 0);
    const { stdout, exitCode } = await uninstall('--yes');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('ended a running transfer of bob from 127.0.0.1\n');
    expect((await sending).exitCode).not.toBe(0);
    expect(ownFolders()).toEqual([]);
  });

  it('does no harm when it runs twice at once', async () => {
    const { capped, before } = await useAll();
    const results = await Promise.all([uninstall('--yes'), uninstall('--yes')]);
    expect(results.map(({ stderr, exitCode }) => ({ stderr, exitCode }))).toEqual([
      { stderr: '', exitCode: 0 },
      { stderr: '', exitCode: 0 },
    ]);
    expect(ownFolders()).toEqual([]);
    expect(mounts()).toEqual([]);
    expect(await me.sums(capped)).toEqual(before);
  });

  it('removes damaged lines of ours, and those in the second file', async () => {
    mustSucceed(await me.account.pysync(['-i', ed25519Line(), '--name', 'bob']));
    const ours = keyLines().subarray(foreign.length).toString().trim();
    await me.sh('printf "%s\\n" "$1" > .ssh/authorized_keys2', ours);
    await me.sh('sed -i "s/restrict,/restrict,pty,/" .ssh/authorized_keys');
    mustSucceed(await uninstall('--yes'));
    expect(keyLines()).toEqual(Buffer.concat([foreign, Buffer.from('\r\n')]));
    expect(statSync(path('.ssh/authorized_keys2')).size).toBe(0);
  });

  it(
    'lets nobody in and loses nothing when it is killed, and is finished by the next',
    { timeout: 120_000 },
    async () => {
      const preload = path('kill-volume-step.mjs');
      cpSync(join(import.meta.dirname, '../../fixtures/kill-volume-step.mjs'), preload);
      const killed = async (when: string): Promise<number> => {
        const program = join(inject('program'), 'bin/pysync.js');
        const argv = [inject('node'), '--import', preload, program, 'uninstall', '--yes'];
        return (await me.account.run(argv, { env: { KILL_WHEN: when } })).exitCode;
      };
      const telling = [
        '^after rename authorized_keys$',
        '^before renameSync share\\d+\\.without-cap$',
        '^before rmSync .*\\.img$',
      ];
      for (const pattern of telling) {
        await me.sh('rm -rf share* "plain share"*');
        const { capped, before, bob } = await useAll();
        expect([pattern, await killed(pattern)]).toEqual([pattern, 137]);
        expect((await bob.rsync(['sent', `${bob.target}:`])).exitCode).toBe(255);
        mustSucceed(await uninstall('--yes'));
        // An image whose files were moved out already is not deleted without being asked.
        const left = ownFolders().flatMap((folder) => listTree(path(folder)));
        const others = left.filter((name) => !/^volumes(\/[^/]+\.img)?$/.test(name));
        expect([pattern, others]).toEqual([pattern, []]);
        expect([pattern, await me.sums(capped)]).toEqual([pattern, before]);
        mustSucceed(await uninstall('--yes', '--delete-files'));
        expect([pattern, ownFolders()]).toEqual([pattern, []]);
      }
    },
  );
});
