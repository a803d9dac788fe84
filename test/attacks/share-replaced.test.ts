/**
 * The attacker has a key that may send and fetch, and waits for the day on which the share's folder
 * is not the one that was shared any more: it, or a folder above it, has become a symbolic link to
 * private things, as when an owner moves a folder and leaves a link, or there is a file, or
 * nothing. They must be served nothing, be told no path, and change nothing at the other end of the
 * link; nor may the owner be led to let anybody in there by importing or capping again. The owner
 * has to find the fact in `status` and `doctor`.
 */
import {
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exec } from '../helpers/exec.js';
import { ed25519Line } from '../helpers/key-blob.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, listTree, putFiles, said } from '../helpers/receiver.js';
import { endTree } from '../helpers/run-folder.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;
let deep: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  deep = await me.letIn('--name', 'deep', '--dir', join(me.account.home, 'for/deep/share'));
  trusted = await me.trust();
  for (const { folder } of [mallory, deep, trusted]) putFiles(folder, { 'a.txt': 'a\n' });
});

afterAll(() => me.remove());

const at = (path: string): string => join(me.account.home, path);
/** Has `body` run while what is at `path`, counted from the home, is replaced by what `put` makes. */
async function whileReplaced(
  path: string,
  put: () => void,
  body: () => Promise<void>,
): Promise<void> {
  // A volume's mount point cannot be replaced before it is unmounted.
  await exec(['umount', me.share]);
  renameSync(at(path), at('moved'));
  try {
    put();
    await body();
  } finally {
    rmSync(at(path), { recursive: true, force: true });
    renameSync(at('moved'), at(path));
  }
}

/** All that `peer` can try, in both directions; gives what it was told. */
async function tryAll(peer: Peer): Promise<string[]> {
  const remote = `${peer.target}:`;
  const tries = [
    ['-a', remote, 'got/'],
    ['-a', `${remote}diary.txt`, 'got/'],
    ['-a', 'a.txt', remote],
    ['-as', 'a.txt', remote],
    ['-aR', 'a.txt', `${remote}new/`],
    ['-a', '--inplace', 'a.txt', `${remote}diary.txt`],
    ['--list-only', remote],
  ];
  const results = [];
  for (const words of tries) results.push(await peer.rsync(words));
  for (const { exitCode } of results) expect(exitCode).not.toBe(0);
  return results.map(said);
}

async function expectNothingServed(peer: Peer): Promise<void> {
  const before = me.outsideState();
  for (const text of await tryAll(peer)) {
    expect(text).toMatch(/^pysync: the receiving side has a problem/);
    expect(text).not.toContain(me.account.home);
  }
  expect(me.outsideState()).toEqual(before);
  expect(findText(peer.folder, me.secret)).toEqual([]);
}

/** `status` and `doctor` say this of the share, and how to go on. */
async function expectSaid(share: string, fact: string): Promise<void> {
  const status = await me.account.pysync([]);
  expect(status.stdout).toContain(`${share}  ${fact}, so nobody can send`);
  const doctor = await me.account.pysync(['doctor', 'shares']);
  expect(doctor.exitCode).toBe(1);
  expect(doctor.stdout).toContain(`${share} ${fact}, so nobody can send into it`);
}

const nothing = (): void => undefined;

const isLink =
  'is not the folder that was shared: a symbolic link has taken its place, or that of a folder above it';

test.each(['private', '.ssh'])('a share that has become a link to %s is not served', async (to) => {
  const put = (): void => {
    me.link(to, 'public');
  };
  await whileReplaced('public', put, async () => {
    await expectNothingServed(mallory);
    await expectSaid(me.share, isLink);
    expect((await me.account.pysync([])).stdout).toContain('put the folder back');
  });
});

test.each(['for', 'for/deep'])(
  'nor is one that a link at %s leads to another folder',
  async (path) => {
    await me.account.run(['cp', '-a', 'private', 'lookalike']);
    await me.account.run(['mkdir', '-p', `lookalike${'for/deep/share'.slice(path.length)}`]);
    const put = (): void => {
      me.link(at('lookalike'), path);
    };
    await whileReplaced(path, put, async () => {
      await expectNothingServed(deep);
      await expectSaid(at('for/deep/share'), isLink);
    });
    rmSync(at('lookalike'), { recursive: true });
  },
);

test.each(['public', 'for/deep'])(
  'nor one at whose place, or above it, at %s, is a file',
  async (path) => {
    const [peer, share] = path === 'public' ? [mallory, me.share] : [deep, at('for/deep/share')];
    const put = (): void => {
      writeFileSync(at(path), '');
    };
    await whileReplaced(path, put, async () => {
      await expectNothingServed(peer);
      await expectSaid(share, 'is not a folder');
    });
  },
);

test('nor is one whose place is empty', async () => {
  await whileReplaced('for/deep', nothing, async () => {
    await expectNothingServed(deep);
    expect(existsSync(at('for/deep'))).toBe(false);
    await expectSaid(at('for/deep/share'), 'is not there');
  });
});

test('no key is let in there, and no cap put on it, by the name it had', async () => {
  me.write('other/file', 'x');
  const lines = (): string => readFileSync(at('.ssh/authorized_keys'), 'utf8');
  const before = lines();
  const put = (): void => {
    me.link('other', 'public');
  };
  await whileReplaced('public', put, async () => {
    for (const args of [
      ['-i', ed25519Line()],
      ['-i', ed25519Line(), '--dir', 'public', '--dry-run'],
      ['-i', ed25519Line(), '--dir', 'public', '--size', '32M', '--engine', 'e2fsprogs'],
      ['--size', '32M', '--engine', 'e2fsprogs'],
      ['--size', 'none', '--yes'],
    ]) {
      const { stdout, stderr, exitCode } = await me.account.pysync(args);
      expect({ args, stdout, exitCode }).toEqual({ args, stdout: '', exitCode: 1 });
      expect(stderr).toContain(`pysync: ${me.share} ${isLink}\n`);
      expect(stderr).toContain('put the folder back');
    }
  });
  expect(lines()).toBe(before);
  expect(listTree(at('other'))).toEqual(['file']);
});

test('the control: with the folder back it is served', async () => {
  for (const peer of [mallory, deep]) {
    const sent = await peer.rsync(['-a', 'a.txt', `${peer.target}:`]);
    expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  }
});

test('the control: without pysync the link is followed, both ways', async () => {
  me.link('private', 'way');
  await trusted.rsync(['-a', `${trusted.target}:way/`, 'got/']);
  expect(findText(trusted.folder, me.secret)).not.toEqual([]);
  await trusted.rsync(['-a', 'a.txt', `${trusted.target}:way/`]);
  expect(findText(me.outside, 'a\n')).toContain('a.txt');
});

test('a push that was killed is not finished in what the share has become a link to', async () => {
  const share = join(me.account.home, 'for/deep/share');
  const long = new Date(0);
  utimesSync(me.outside, long, long);
  putFiles(deep.folder, { 'killed/killed.bin': Buffer.alloc(8 << 20, 'x') });
  const push = deep.rsync(['-aP', '--bwlimit=1M', 'killed/', `${deep.target}:`]);
  const running = join(me.account.home, '.local/state/pysync/running');
  const log = await waitFor('the push', () =>
    readdirSync(running).find((name) => name.endsWith('.log')),
  );
  await waitFor('a part', () => findPart(share));
  const [header = ''] = readFileSync(join(running, log), 'utf8').split('\n');
  await endTree((JSON.parse(header) as { pid: number }).pid);
  await push;
  renameSync(share, `${share}-moved`);
  symlinkSync(me.outside, share);
  await mallory.rsync([`${mallory.target}:`]);
  expect(statSync(me.outside).mtimeMs).toBe(0);
  rmSync(share);
  renameSync(`${share}-moved`, share);
  expect(existsSync(join(running, log))).toBe(false);
});

function findPart(share: string): boolean {
  return listTree(share).some((name) => name.includes('killed.bin.'));
}
