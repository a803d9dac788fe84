/**
 * The attacker has a key that may send and fetch, but not delete. It uses every option of rsync
 * that removes files at the other side. No file of others may vanish. With a key that may delete in
 * folders of the share, it goes for the share as a whole: the top must not be emptied, by whatever
 * name it is called.
 */
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles, said, variants } from '../helpers/receiver.js';
import { heldBack } from '../helpers/session.js';
import { runningPlaces } from '../helpers/session-folders.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;
let deleter: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  deleter = await me.letIn('--name', 'deleter', '--allow-delete');
  for (const { folder } of [mallory, deleter]) {
    mkdirSync(join(folder, 'empty'));
    putFiles(folder, { 'tree/backup/kept.txt': 'kept\n', 'file/backup': 'a file\n' });
    mkdirSync(join(folder, 'folders/up'), { recursive: true });
    mkdirSync(join(folder, 'links/sub'), { recursive: true });
    symlinkSync('.', join(folder, 'links/self'));
    symlinkSync('../.', join(folder, 'links/sub/up'));
  }
});

beforeEach(() => {
  me.write('public/precious.txt', 'precious\n');
  me.write('public/backup/precious.txt', 'precious\n');
  me.write('public/backup/deep/precious.txt', 'precious\n');
});

afterAll(() => me.remove());

const precious = ['precious.txt', 'backup/precious.txt', 'backup/deep/precious.txt'];
const missing = (): string[] => precious.filter((name) => !existsSync(join(me.share, name)));

test.each(
  variants([
    '--delete',
    '--delete-before',
    '--delete-during',
    '--delete-delay',
    '--delete-after',
    '--delete-excluded --exclude=*',
    '--delete --force',
    '--delete --max-delete=1',
    '--delete --ignore-errors -s',
    '-M--delete -M--recursive',
    '-M--force',
  ]),
)('a push with %s deletes nothing', async (options) => {
  for (const [source, place] of [
    ['empty/', 'backup/'],
    ['tree/', ''],
    ['empty/', ''],
    ['file/', ''],
  ] as const) {
    await mallory.rsync(['-r', ...options.split(' '), source, `${mallory.target}:${place}`]);
  }
  expect(missing()).toEqual([]);
});

test('a list of names that are missing deletes nothing', async () => {
  putFiles(mallory.folder, { list: `${precious.join('\n')}\n` });
  const options = ['-r', '--delete-missing-args', '--files-from=list', 'empty/'];
  const result = await mallory.rsync([...options, `${mallory.target}:`]);
  expect(said(result)).toContain('this key may not delete');
  expect(missing()).toEqual([]);
});

test.each(['--remove-source-files', '-M--remove-source-files', '-M--remove-sent-files'])(
  'a pull with %s removes nothing',
  async (option) => {
    await mallory.rsync(['-r', option, `${mallory.target}:`, 'got/']);
    expect(missing()).toEqual([]);
  },
);

test('a file or link does not take the place of a folder that has something in it', async () => {
  symlinkSync('precious.txt', join(mallory.folder, 'backup'));
  await mallory.rsync(['-a', 'backup', `${mallory.target}:`]);
  await mallory.rsync(['-a', 'file/backup', `${mallory.target}:`]);
  await mallory.rsync(['-ab', '--backup-dir=gone', 'file/backup', `${mallory.target}:`]);
  expect(missing()).toEqual([]);
});

test.each(
  variants(['', '.', '/', './.', '~', 'backup/..', 'backup/../', 'SHARE', 'SHARE/.', '//', '/./']),
)('a key that may delete cannot empty the top as "%s"', async (place) => {
  const target = `${deleter.target}:${place.replace('SHARE', me.share)}`;
  for (const options of [['-r'], ['-rs'], ['-rR']]) {
    const cwd = join(deleter.folder, 'empty');
    await deleter.rsync([...options, '--delete', './', target], { cwd });
  }
  expect(missing()).toEqual([]);
});

test.each([
  ['through a link to it', ['-r', 'empty/'], 'self/'],
  ['through a link to it, with -s', ['-rs', 'empty/'], 'self/.'],
  ['through a link in a folder, with -K', ['-aK', 'folders/'], 'sub/'],
  ['through a folder of a link', ['-r', 'empty/'], 'sub/up/'],
])('a key that may delete cannot empty the top %s', async (_what, words, place) => {
  await deleter.rsync(['-a', 'links/', `${deleter.target}:`]);
  await deleter.rsync(['--delete', ...words, `${deleter.target}:${place}`]);
  expect(missing()).toEqual([]);
});

test.each([
  ['-a', '--remove-source-files', ''],
  ['-a', '--remove-source-files', 'precious.txt'],
  ['-a', '--remove-source-files', '*'],
  ['-a', '--remove-source-files', 'self/'],
  ['-aR', '--remove-source-files', 'self/./precious.txt'],
  ['-a', '-M--remove-sent-files', 'sub/up/'],
])('a key that may delete cannot fetch the top away with %s %s of "%s"', async (...words) => {
  const place = words.pop() ?? '';
  await deleter.rsync(['-a', 'links/', `${deleter.target}:`]);
  await deleter.rsync([...words, `${deleter.target}:${place}`, 'got/']);
  expect(missing()).toEqual([]);
});

test('a key that may delete cannot delete from above through a link that leads out', async () => {
  me.link('../..', 'public/backup/above');
  me.link('..', 'public/backup/deep/up');
  for (const place of [
    'backup/above/',
    'backup/above/public/',
    'backup/deep/up/',
    'backup/above',
  ]) {
    await deleter.rsync(['-rt', '--delete', 'empty/', `${deleter.target}:${place}`]);
  }
  expect(missing()).toEqual([]);
});

test.each(variants(['--delete', '--delete-after', '--delete-excluded', '--force --delete-delay']))(
  'a link that is put in the place of the folder meanwhile does not lead %s to the share',
  async (options) => {
    mkdirSync(join(deleter.folder, 'swap'), { recursive: true });
    for (const [i, target] of ['.', '..', 'backup'].entries()) {
      const name = `x${i}${options.replaceAll(/\W/g, '')}`;
      await mallory.rsync(['-r', 'empty/', `${mallory.target}:${name}/`]);
      const words = ['-r', ...options.split(' '), 'empty/', `${deleter.target}:${name}/`];
      const push = heldBack(deleter, words);
      await waitFor('the session', () => runningPlaces(me.account.home).includes(`${name}/`));
      symlinkSync(target, join(deleter.folder, 'swap', name));
      await mallory.rsync(['-a', join(deleter.folder, 'swap', name), `${mallory.target}:`]);
      push.go();
      await push.end;
      expect(missing(), target).toEqual([]);
    }
  },
);

test('the control: a key that may delete does so in a folder, on a push', async () => {
  const sent = await deleter.rsync(['-r', '--delete', 'empty/', `${deleter.target}:backup/`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(missing()).toEqual(['backup/precious.txt', 'backup/deep/precious.txt']);
});

test('the control: a key that may delete removes what it fetches, where it asks for that', async () => {
  const words = ['-r', '--remove-source-files', `${deleter.target}:backup/`, 'got/'];
  expect(await deleter.rsync(words)).toMatchObject({ stderr: '', exitCode: 0 });
  expect(missing()).toEqual(['backup/precious.txt', 'backup/deep/precious.txt']);
});
