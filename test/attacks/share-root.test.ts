/**
 * The attacker has a key that may send. With `rsync -a ./ host:` it sends what it has set on its own
 * folder: mode, date, group, access lists, attributes. It does so alone, twice at once, and with a
 * folder of mode 0, which would lock the owner out. The share's own folder must keep what its owner
 * gave it, and stay where it is.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { mustExec } from '../helpers/exec.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles, variants } from '../helpers/receiver.js';
import { endTree } from '../helpers/run-folder.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  for (const { folder } of [mallory, trusted]) {
    putFiles(folder, { 'tree/a.txt': 'a\n', 'file.txt': 'b\n' });
    const tree = join(folder, 'tree');
    await mustExec(['setfacl', '-m', 'd:g::rwx,d:o::rwx,g::rwx,o::rwx', tree]);
    await mustExec(['setfattr', '-n', 'user.evil', '-v', 'evil', tree]);
  }
});

beforeEach(async () => {
  await mustExec(['setfacl', '-b', me.share]);
  chmodSync(me.share, 0o750);
  utimesSync(me.share, new Date(), new Date());
});

afterAll(() => me.remove());

/** What the owner sees of the share's own folder. */
async function root(folder = me.share): Promise<string[]> {
  const { mode, uid, gid, ino } = statSync(folder);
  const acl = await mustExec(['getfacl', '--omit-header', '--absolute-names', folder]);
  const attributes = await mustExec(['getfattr', '-d', '--absolute-names', folder]);
  return [mode.toString(8), String(uid), String(gid), String(ino), acl.stdout, attributes.stdout];
}

/** Gives the sender's folder this mode, and a date long ago. */
function disguise(mode: number): void {
  const tree = join(mallory.folder, 'tree');
  chmodSync(tree, mode);
  utimesSync(tree, new Date(0), new Date(0));
}

const isRecent = (): boolean => Date.now() - statSync(me.share).mtimeMs < 3600_000;

test.each(
  variants([
    ['-a', 0o000],
    ['-a', 0o777],
    ['-a', 0o7777],
    ['-aAX', 0o777],
    ['-aA', 0o000],
    ['-aX', 0o500],
    ['-a --chmod=D7777', 0o755],
    ['-a --groupmap=*:nogroup --usermap=*:nobody', 0o755],
    ['-a --inplace -s', 0o777],
    ['-dtp', 0o777],
    ['-adO --no-recursive', 0o000],
  ]),
)('a push with %s of a folder with mode %i leaves the share as it was', async (options, mode) => {
  const before = await root();
  for (const place of ['', '.', '/']) {
    disguise(mode);
    const target = `${mallory.target}:${place}`;
    await mallory.rsync([...options.split(' '), './', target], {
      cwd: join(mallory.folder, 'tree'),
    });
  }
  expect(await root()).toEqual(before);
  expect(isRecent()).toBe(true);
});

test('two pushes at once leave the share as it was, whichever ends first', async () => {
  const before = await root();
  disguise(0o777);
  putFiles(mallory.folder, { 'big/big.bin': Buffer.alloc(4 << 20, 'x') });
  chmodSync(join(mallory.folder, 'big'), 0o7777);
  for (let round = 0; round < 3; round += 1) {
    await Promise.all([
      mallory.rsync(['-aI', '--bwlimit=8M', 'big/', `${mallory.target}:`]),
      mallory.rsync(['-aI', 'tree/', `${mallory.target}:`]),
      mallory.rsync(['-aI', 'tree/', `${mallory.target}:.`]),
    ]);
    expect(await root()).toEqual(before);
    expect(isRecent()).toBe(true);
  }
});

test('a push that is cut off leaves the share as it was', async () => {
  const before = await root();
  disguise(0o777);
  const cut = new AbortController();
  putFiles(mallory.folder, { 'cut/cut.bin': Buffer.alloc(8 << 20, 'x') });
  chmodSync(join(mallory.folder, 'cut'), 0o7777);
  const push = mallory.rsync(['-a', '--bwlimit=1M', 'cut/', `${mallory.target}:`], {
    signal: cut.signal,
  });
  await waitFor('a part', () => me.listShare().some((name) => name.includes('/cut.bin.')));
  cut.abort();
  await push;
  await expect.poll(root).toEqual(before);
});

test('a push whose launcher was killed leaves the share as it was, once another session has come', async () => {
  const before = await root();
  disguise(0o777);
  putFiles(mallory.folder, { 'killed/killed.bin': Buffer.alloc(8 << 20, 'x') });
  utimesSync(join(mallory.folder, 'killed'), new Date(0), new Date(0));
  const push = mallory.rsync(['-aP', '--bwlimit=1M', 'killed/', `${mallory.target}:`]);
  await waitFor('a part', () => me.listShare().some((name) => name.includes('/killed.bin.')));
  // The control: without the launcher's end, the sender's date is the share's.
  expect(isRecent()).toBe(false);
  const running = join(me.account.home, '.local/state/pysync/running');
  const log = readdirSync(running).find((name) => name.endsWith('.log')) ?? '';
  const [header = ''] = readFileSync(join(running, log), 'utf8').split('\n');
  await endTree((JSON.parse(header) as { pid: number }).pid);
  await push;
  expect(await mallory.rsync([`${mallory.target}:`])).toMatchObject({ exitCode: 0 });
  expect(await root()).toEqual(before);
  expect(isRecent()).toBe(true);
});

test('no file takes the place of the share, and none is put beside it', async () => {
  const before = await root();
  const { stdout: beside } = await me.account.run(['ls', '-A']);
  for (const place of ['.', '/.', './.', me.share, `${me.share}/.`, '../public', '~']) {
    const target = `${mallory.target}:${place}`;
    for (const options of ['-a', '-a --force', '-ab --suffix=.old', '-ab --backup-dir=/..']) {
      await mallory.rsync([...options.split(' '), 'file.txt', target]);
    }
  }
  expect(await root()).toEqual(before);
  expect((await me.account.run(['ls', '-A'])).stdout).toBe(beside);
});

test.each(['-aX', '-aAX', '-rp', '-rtA'])(
  'neither the share nor a folder that was there gets anything of its own by %s, by any name',
  async (options) => {
    me.write('public/docs/of-others.txt', 'theirs\n');
    if (!existsSync(join(me.share, 'self'))) me.link('.', 'public/self');
    const folders = [me.share, join(me.share, 'docs')];
    chmodSync(join(me.share, 'docs'), 0o751);
    const before = await Promise.all(folders.map((folder) => root(folder)));
    disguise(0o777);
    for (const place of ['', 'self/', 'docs/', 'self/docs/']) {
      await mallory.rsync([options, 'tree/', `${mallory.target}:${place}`]);
    }
    expect(await Promise.all(folders.map((folder) => root(folder)))).toEqual(before);
  },
);

test('the control: a file and a new folder get their attributes, and an old folder keeps its own', async () => {
  await mustExec(['setfattr', '-n', 'user.own', '-v', 'kept', join(me.share, 'docs')]);
  await mustExec(['setfattr', '-n', 'user.sent', '-v', '1', join(mallory.folder, 'tree/a.txt')]);
  const tree = join(mallory.folder, 'attributes');
  await mustExec(['cp', '-a', join(mallory.folder, 'tree'), join(tree)]);
  const sent = await mallory.rsync(['-aX', 'attributes', `${mallory.target}:docs/`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  const of = async (path: string): Promise<string> =>
    (await mustExec(['getfattr', '-d', '--absolute-names', join(me.share, path)])).stdout;
  expect(await of('docs')).toContain('user.own="kept"');
  expect(await of('docs/attributes')).toContain('user.evil');
  expect(await of('docs/attributes/a.txt')).toContain('user.sent="1"');
});

test('the control: a folder in the share gets its mode, and without pysync the share too', async () => {
  disguise(0o711);
  mkdirSync(join(me.account.home, 'open'));
  await mustExec(['chown', String(me.account.uid), join(me.account.home, 'open')]);
  const sent = await mallory.rsync(['-a', 'tree/', `${mallory.target}:sub/`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(statSync(join(me.share, 'sub')).mode & 0o7777).toBe(0o711);
  expect(statSync(join(me.share, 'sub')).mtimeMs).toBe(0);
  await trusted.rsync(['-aAX', 'tree/', `${trusted.target}:open/`]);
  const [mode, , , , acl, attributes] = await root(join(me.account.home, 'open'));
  expect([mode, acl, attributes].join()).toMatch(/40777[^]*default:other::rwx[^]*user\.evil/);
});
