/** What a key that may only send has sent gets to its place when the session ends, however that is. */
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../../helpers/peer.js';
import type { Receiver } from '../../helpers/receiver.js';
import { createReceiver, listTree, putFiles } from '../../helpers/receiver.js';
import { unfinishedBytes, unfinishedFiles } from '../../helpers/session-folders.js';
import { waitFor } from '../../helpers/tmp.js';

let me: Receiver;
let bob: Peer;

beforeAll(async () => {
  me = await createReceiver();
  bob = await me.letIn('--name', 'bob', '--access', 'write-only');
});

afterAll(() => me.remove());

const read = (path: string): string => readFileSync(join(me.share, path), 'utf8');
const send = (place: string, ...words: string[]): ReturnType<Peer['rsync']> =>
  bob.rsync([...words, `${bob.target}:${place}`]);
const own = (): boolean => existsSync(join(me.share, '.pysync'));

test('a tree arrives as it was sent, and nothing else is left', async () => {
  putFiles(bob.folder, { 'tree/a.txt': 'a\n', 'tree/deep/er/b.txt': 'b\n' });
  mkdirSync(join(bob.folder, 'tree/empty'));
  symlinkSync('../a.txt', join(bob.folder, 'tree/deep/link'));
  linkSync(join(bob.folder, 'tree/a.txt'), join(bob.folder, 'tree/same.txt'));
  chmodSync(join(bob.folder, 'tree/deep'), 0o711);
  chmodSync(join(bob.folder, 'tree/a.txt'), 0o600);
  for (const path of ['tree/a.txt', 'tree/deep/er/b.txt', 'tree/deep/er', 'tree/deep']) {
    utimesSync(join(bob.folder, path), 1_000_000_000, 1_000_000_000);
  }
  const sent = await send('box/', '-aH', 'tree');
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(listTree(join(me.share, 'box/tree'))).toEqual(listTree(join(bob.folder, 'tree')));
  expect(read('box/tree/deep/link')).toBe('a\n');
  const stats = statSync(join(me.share, 'box/tree/a.txt'));
  expect([stats.mode & 0o777, stats.mtimeMs, stats.nlink]).toEqual([0o600, 1e12, 2]);
  const folder = statSync(join(me.share, 'box/tree/deep'));
  expect([folder.mode & 0o777, folder.mtimeMs]).toEqual([0o711, 1e12]);
  expect(own()).toBe(false);
});

test('a single file goes into the folder of that name, or takes the name', async () => {
  await me.account.run(['mkdir', 'public/inbox']);
  writeFileSync(join(bob.folder, 'big file.iso'), 'big\n');
  for (const place of ['inbox', 'new.iso', 'inbox/second.iso', 'a/b/']) {
    expect(await send(place, '-a', 'big file.iso')).toMatchObject({ stderr: '', exitCode: 0 });
  }
  expect(readdirSync(join(me.share, 'inbox')).sort()).toEqual(['big file.iso', 'second.iso']);
  expect([read('new.iso'), read('a/b/big file.iso')]).toEqual(['big\n', 'big\n']);
});

test('what cannot take its name goes beside what is there', async () => {
  me.write('public/taken/file', 'theirs\n');
  me.write('public/taken/folder/theirs', 'theirs\n');
  me.link('folder', 'public/taken/link');
  putFiles(bob.folder, { 'mix/file/a': 'a\n', 'mix/folder': 'b\n', 'mix/link/c': 'c\n' });
  expect(await send('taken/', '-a', 'mix/')).toMatchObject({ stderr: '', exitCode: 0 });
  expect([read('taken/file'), read('taken/folder/theirs')]).toEqual(['theirs\n', 'theirs\n']);
  expect([read('taken/file~2/a'), read('taken/folder~2')]).toEqual(['a\n', 'b\n']);
  expect(readdirSync(join(me.share, 'taken/folder'))).toEqual(['theirs']);
  expect(read('taken/link~2/c')).toBe('c\n');
});

test('a destination that is a link is neither followed nor replaced', async () => {
  me.write('public/led/to/theirs', 'theirs\n');
  me.link('to', 'public/led/away');
  putFiles(bob.folder, { single: 'single\n' });
  expect(await send('led/away', '-a', 'single')).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readdirSync(join(me.share, 'led')).sort()).toEqual(['away', 'away~2', 'to']);
  expect(readdirSync(join(me.share, 'led/away'))).toEqual(['theirs']);
});

test('names that are no UTF-8 arrive byte for byte', async () => {
  const name = Buffer.from([0x61, 0xff, 0x0a, 0x62]);
  mkdirSync(join(bob.folder, 'bytes'));
  writeFileSync(Buffer.concat([Buffer.from(`${bob.folder}/bytes/`), name]), 'x');
  expect(await send('bytes/', '-a', 'bytes/')).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readdirSync(join(me.share, 'bytes'), { encoding: 'buffer' })).toEqual([name]);
});

test('conditions on what is there hold, though rsync cannot see it', async () => {
  const old = (content: string, time: number): void => {
    me.write('public/if/a', content);
    utimesSync(join(me.share, 'if/a'), time, time);
  };
  putFiles(bob.folder, { 'if/a': 'new\n', 'if/b': 'new\n' });
  utimesSync(join(bob.folder, 'if/a'), 1000, 1000);
  old('old\n', 2000);
  await send('if/', '-au', 'if/a');
  expect(read('if/a')).toBe('old\n');
  await send('if/', '-a', '--ignore-existing', 'if/a');
  expect(read('if/a')).toBe('old\n');
  await send('if/', '-a', '--existing', 'if/');
  expect([read('if/a'), existsSync(join(me.share, 'if/b'))]).toEqual(['new\n', false]);
});

test('of a session that is cut off the whole files arrive, and the rerun continues the part', async () => {
  putFiles(bob.folder, { 'cut/1': 'whole\n', 'cut/2': Buffer.alloc(6 << 20, 'part') });
  const cut = new AbortController();
  const words = ['-aP', '--bwlimit=1M', 'cut/', `${bob.target}:cut/`];
  const push = bob.rsync(words, { signal: cut.signal });
  await waitFor('a part', () => unfinishedBytes(me.share) > 1 << 20);
  cut.abort();
  await push;
  await waitFor('the part to be kept', () => unfinishedFiles(me.share, 'parts').length > 0);
  await waitFor('the whole file', () => existsSync(join(me.share, 'cut/1')));
  expect(existsSync(join(me.share, 'cut/2'))).toBe(false);
  const again = await send('cut/', '-aP', '--stats', 'cut/');
  expect(again.stdout).not.toContain('Matched data: 0 bytes');
  expect(statSync(join(me.share, 'cut/2')).size).toBe(6 << 20);
  expect(own()).toBe(false);
});
