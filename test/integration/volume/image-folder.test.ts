/**
 * Where a share's disk image is: on the disk that the share's path names, or where its owner says;
 * what becomes of one that is kept, and of one that was deleted by hand.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exec, mustExec } from '../../helpers/exec.js';
import { needsRoot } from '../../helpers/root.js';
import { giveDisk, mebibyte, mustSucceed, useVolumes } from '../../helpers/volumes.js';

const me = useVolumes();

interface Status {
  readonly keptImages: { path: string; size: number }[];
  readonly shares: { path: string; volume: { image: string } | null }[];
}

async function status(): Promise<Status> {
  const result = await me.account.pysync(['status', '--json']);
  mustSucceed(result);
  return JSON.parse(result.stdout) as Status;
}

const imageOf = async (share: string): Promise<string> => {
  const found = (await status()).shares.find(({ path }) => path === share);
  return found?.volume?.image ?? '';
};

const ownFolder = (): string => join(me.account.home, '.local/share/pysync/volumes');
const ownImages = (): string[] => readdirSync(ownFolder()).filter((name) => name.includes('.img'));

describe('a share on another disk', () => {
  let disk: string;

  beforeAll(async () => {
    needsRoot('a disk');
    disk = join(me.account.home, 'disk');
    mkdirSync(disk);
    await giveDisk(disk, me.account, 300 * mebibyte);
  });
  afterAll(async () => {
    await me.account.pysync(['unmount']);
    await exec(['umount', '-l', disk]);
  });

  test('has its image on that disk, and both messages name the place', async () => {
    const share = join(disk, 'share');
    await me.sh('mkdir "$1"; echo a >"$1/a"', share);
    const { stdout, exitCode } = await me.pysync(share, '--size', '64M', '--yes');
    expect(exitCode).toBe(0);
    const image = await imageOf(share);
    expect(dirname(image)).toBe(join(disk, '.pysync-volumes'));
    expect(stdout).toContain(`Its disk image is ${image}.\n`);
    expect((await me.account.pysync(['status'])).stdout).toContain(`its disk image is ${image}\n`);
    expect(statSync(image)).toMatchObject({ dev: statSync(disk).dev, size: 64 * mebibyte });
    expect(statSync(dirname(image)).mode & 0o777).toBe(0o700);
    expect(ownImages()).toEqual([]);

    // What there is of room is that disk's.
    const large = await me.pysync(share, '--size', '400M');
    expect(large.stderr).toMatch(
      /no room for this: .*\n.*\n {2}the disk is the one that holds \S+\/disk\//,
    );
    const peer = await me.letIn(share);
    expect(await peer.rsync(['-a', 'id.pub', `${peer.target}:`])).toMatchObject({ exitCode: 0 });
    for (const size of ['96M', '48M']) {
      await me.cap(share, size);
      expect(statSync(image).size).toBe(Number.parseInt(size, 10) * mebibyte);
      expect(await me.sh('cat "$1/a"', share)).toBe('a\n');
    }
    mustSucceed(await me.account.pysync(['unmount', share]));
    expect(await peer.rsync(['-a', 'id', `${peer.target}:`])).toMatchObject({ exitCode: 0 });
    mustSucceed(await me.pysync(share, '--size', 'none', '--yes'));
    expect(await me.sh('ls "$1"', share)).toBe('a\nid\nid.pub\n');
    expect(existsSync(dirname(image))).toBe(false);
  });

  test('leaves its image there where it is not removed, and status says so', async () => {
    const share = join(disk, 'second');
    await me.cap(share, '32M');
    const image = await imageOf(share);
    const { stdout } = await me.pysync(share, '--size', 'none');
    expect(stdout).toContain(`Kept until you remove it: ${image}`);
    expect((await status()).keptImages).toEqual([{ path: image, size: 32 * mebibyte }]);
    const text = (await me.account.pysync(['status'])).stdout;
    expect(text).toMatch(/^Kept: the disk image of a share that has no cap any more \(32MB\)/m);
    expect(text).toContain(`rm ${image}\n`);
    expect((await me.account.pysync(['uninstall', '--dry-run'])).stdout).toContain(image);
    rmSync(image);
    expect((await status()).keptImages).toEqual([]);
    expect(existsSync(dirname(image))).toBe(false);
  });
});

describe('--image-dir', () => {
  test('says where the image is made, and it stays there', async () => {
    const share = me.newShare();
    const folder = join(me.account.home, 'images');
    const { stdout, exitCode } = await me.pysync(share, '--size', '32M', '--image-dir', folder);
    expect(exitCode).toBe(0);
    const image = await imageOf(share);
    expect(dirname(image)).toBe(folder);
    expect(stdout).toContain(`Its disk image is ${image}.\n`);
    await me.cap(share, '40M', '--image-dir', folder);
    const elsewhere = await me.pysync(share, '--size', '48M', '--image-dir', `${folder}2`);
    expect(elsewhere).toMatchObject({ stdout: '', exitCode: 2 });
    expect(elsewhere.stderr).toContain('--image-dir is for a new cap');
    expect(statSync(image).size).toBe(40 * mebibyte);
    const peers = await me.account.pysync(['-i', 'key.pub', '--dir', folder]);
    expect(peers.stderr).toContain(`${folder} cannot be a share: it holds the disk image of one`);
    mustSucceed(await me.pysync(share, '--size', 'none', '--yes'));
    expect(readdirSync(folder)).toEqual([]);
  });

  test('refuses a folder that a peer or another account could change, and makes nothing', async () => {
    const [share, other] = [me.newShare(), me.newShare()];
    await me.letIn(other);
    const [loose, foreign] = ['loose', 'foreign'].map((name) => join(me.account.home, name));
    await me.sh('mkdir -m 777 "$1"', loose ?? '');
    mkdirSync(foreign ?? '');
    chmodSync(foreign ?? '', 0o755);
    const refused = [
      [share, `it is in the share ${share}`],
      [join(share, 'in'), `it is in the share ${share}`],
      [join(other, 'in'), `it is in the share ${other}`],
      [loose ?? '', 'others may write in it'],
      [foreign ?? '', 'it is not yours'],
    ];
    for (const [folder = '', why = ''] of refused) {
      const { stderr, exitCode } = await me.pysync(share, '--size=32M', `--image-dir=${folder}`);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/^pysync: .* cannot hold the disk image: .*\n {2}name another folder/);
      expect(stderr).toContain(why);
    }
    expect(ownImages()).toEqual([]);
    const wrong = await me.pysync(share, '--size', 'none', '--image-dir', '/tmp');
    expect(wrong.stderr).toContain('--image-dir does not go together with --size none');
  });
});

describe('an image that was deleted by hand', () => {
  test('is given up when its owner says so, and the share is an ordinary folder then', async () => {
    const share = me.newShare();
    const peer = await me.letIn(share, '--size', '32M');
    await me.sh('echo lost >"$1/lost"', share);
    mustSucceed(await me.account.pysync(['unmount', share]));
    const image = me.image(share);
    rmSync(image);
    const wayOut = `pysync --dir ${share} --size none`;
    for (const words of [['mount'], ['--dir', share, '--size', '64M']]) {
      const { stderr, exitCode } = await me.account.pysync(words);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(wayOut);
    }
    expect((await me.status(share)).notes.join('\n')).toContain(wayOut);
    const asked = await me.pysync(share, '--size', 'none');
    expect(asked).toMatchObject({ stdout: '', exitCode: 1 });
    expect(asked.stderr).toBe(
      `pysync: the disk image of ${share} is not there\n  put it back as ${image}\n` +
        '  or give up what was in it: the same command with --yes\n',
    );
    const said = await me.pysync(share, '--size', 'none', '--yes');
    expect(said).toMatchObject({ stdout: `${share} has no size cap.\n`, exitCode: 0 });
    expect(said.stderr).toContain('what was in the share is lost');
    expect(await peer.rsync(['-a', 'id.pub', `${peer.target}:`])).toMatchObject({ exitCode: 0 });
    expect(await me.sh('ls "$1"', share)).toBe('id.pub\n');
    expect(readdirSync(ownFolder())).toEqual([]);
  });

  test('loses nothing while it is mounted: the files come out of it', async () => {
    const share = me.newShare();
    await me.cap(share, '32M');
    await me.sh('echo saved >"$1/saved"', share);
    rmSync(me.image(share));
    const { stderr, exitCode } = await me.pysync(share, '--size', 'none', '--yes');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(await me.sh('cat "$1/saved"', share)).toBe('saved\n');
    expect(await mustExec(['grep', '-c', share, '/proc/self/mountinfo']).catch(() => 0)).toBe(0);
  });

  test('can be given up in the middle of a change as well', async () => {
    const share = me.newShare();
    await me.cap(share, '32M');
    mustSucceed(await me.account.pysync(['unmount', share]));
    rmSync(me.image(share));
    await me.sh(
      `sed -i 's/"volume": {/"pending": {"step": "grow", "size": 67108864}, "volume": {/' "$1"`,
      join(me.account.home, '.local/share/pysync/shares.json'),
    );
    mustSucceed(await me.pysync(share, '--size', 'none', '--yes'));
    expect(await me.sh('ls -A "$1"', share)).toBe('');
    mustSucceed(await me.pysync(share, '--size', '32M'));
  });
});
