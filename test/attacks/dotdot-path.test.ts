/**
 * The attacker has a key that may send and fetch. It names places with `..` in them, plain, behind
 * other spellings of the share, over standard input (-s), in wildcards and in the list of files. It
 * must not get a file that lies beside the share, nor change or add one there.
 */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, putFiles, said, variants } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  me.write('public/hello.txt', 'hello\n');
  me.write('public/sub/in.txt', 'in\n');
  putFiles(mallory.folder, { 'evil.txt': 'evil\n', 'tree/deep/evil.txt': 'evil\n' });
});

afterAll(() => me.remove());

const climbs = [
  '../private/',
  './../private/',
  'sub/../../private/',
  'sub/.././.././private/',
  'sub//..//..//private/',
  '/../private/',
  '~/../private/',
  '.[.]/private/',
  '.?/private/',
  '*/../../private/',
];

test.each(variants([...climbs, 'SHARE/../private/']))(
  'a pull of %s brings nothing',
  async (climb) => {
    const place = `${mallory.target}:${climb.replace('SHARE', me.share)}`;
    for (const options of [['-a'], ['-aLs'], ['-aR', '--old-args']]) {
      for (const source of [place, `${place}*`]) {
        const result = await mallory.rsync([...options, source, 'got/']);
        expect(said(result)).not.toContain(me.secret);
        expect(findText(mallory.folder, me.secret)).toEqual([]);
      }
    }
  },
);

test.each(variants([...climbs, 'SHARE/../private/']))(
  'a push to %s changes nothing there',
  async (climb) => {
    const before = me.outsideState();
    const place = `${mallory.target}:${climb.replace('SHARE', me.share)}`;
    for (const options of [['-a'], ['-as', '--inplace'], ['-a', '--mkpath']]) {
      await mallory.rsync([...options, 'evil.txt', `${place}diary.txt`]);
    }
    expect(me.outsideState()).toEqual(before);
  },
);

test('names with .. in the list of files bring nothing and put nothing', async () => {
  const before = me.outsideState();
  putFiles(mallory.folder, { list: '../private/diary.txt\n/../private/diary.txt\nhello.txt\n' });
  const options = ['-a', '--files-from=list', '--no-implied-dirs'];
  const pulled = await mallory.rsync([...options, `${mallory.target}:`, 'listed/']);
  expect(findText(join(mallory.folder, 'listed'), 'hello')).toEqual(['hello.txt']);
  expect(findText(mallory.folder, me.secret)).toEqual([]);
  expect(said(pulled)).not.toContain(me.secret);

  // A sender that names what it sends relative to a folder below.
  putFiles(mallory.folder, { 'private/diary.txt': 'evil\n' });
  symlinkSync('../private', join(mallory.folder, 'tree/deep/link'));
  const below = { cwd: join(mallory.folder, 'tree') };
  await mallory.rsync(['-aR', '../private/diary.txt', `${mallory.target}:`], below);
  expect(me.outsideState()).toEqual(before);
});

test('the control: a key that nothing restricts climbs, and .. within the share works', async () => {
  const climb = `${trusted.target}:public/../private/diary.txt`;
  expect(await trusted.rsync(['-a', climb, 'got/'])).toMatchObject({ exitCode: 0 });
  expect(findText(trusted.folder, me.secret)).toEqual(['got/diary.txt']);
  const inside = `${mallory.target}:sub/../hello.txt`;
  expect(await mallory.rsync(['-a', inside, 'got/'])).toMatchObject({ stderr: '', exitCode: 0 });
  expect(findText(join(mallory.folder, 'got'), 'hello')).toEqual(['hello.txt']);
});
