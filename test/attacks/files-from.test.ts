/**
 * The attacker has a key that may send and fetch. It lets the receiving side read a list of names
 * (--files-from with a colon): from /etc/passwd or a private file, whose lines would come back in
 * messages, or by way of a link. It must not learn a line of any file outside the share.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, putFiles, said } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  me.write('public/hello.txt', 'hello\n');
  me.write('public/list', 'hello.txt\n');
  me.write('public/outside-list', `../private/diary.txt\n${me.outside}/diary.txt\n`);
  me.link('../private/diary.txt', 'public/linked-list');
});

afterAll(() => me.remove());

const lists = (): string[] => [
  '/etc/passwd',
  '../private/diary.txt',
  `${me.outside}/diary.txt`,
  `${me.share}/../private/diary.txt`,
  `/proc/self/root${me.outside}/diary.txt`,
  'linked-list',
  '/linked-list',
  '/dev/fd/0',
];

test('the receiving side reads no list of names from outside', async () => {
  for (const list of lists()) {
    for (const options of ['-av', '-avs']) {
      const place = `${mallory.target}:`;
      const result = await mallory.rsync([options, `--files-from=:${list}`, place, 'got/']);
      expect(said(result), list).not.toMatch(new RegExp(`root:|${me.secret}`));
      expect(existsSync(join(mallory.folder, 'got/hello.txt'))).toBe(false);
    }
  }
  expect(findText(mallory.folder, me.secret)).toEqual([]);
});

test('a raw command cannot make it read one either', async () => {
  for (const list of lists()) {
    for (const spelling of [`--files-from=${list}`, `--files-from ${list}`]) {
      const command = `rsync --server --sender -vlogDtpre.iLsfxCIvu ${spelling} . .`;
      const result = await mallory.ssh([command], { input: '\u001f\0\0\0' });
      expect(said(result), list).not.toMatch(new RegExp(`root:|${me.secret}`));
    }
  }
});

test('a list in the share that names outside files brings none of them', async () => {
  const place = `${mallory.target}:`;
  const result = await mallory.rsync(['-av', '--files-from=:outside-list', place, 'got/']);
  expect(said(result)).not.toContain(me.secret);
  expect(findText(mallory.folder, me.secret)).toEqual([]);
});

test('a push reads no list in the share, whose lines would come back in messages', async () => {
  const eve = await me.letIn('--name', 'eve', '--access', 'write-only');
  me.write('public/diary.txt', `${me.secret}\n`);
  for (const peer of [eve, mallory]) {
    mkdirSync(join(peer.folder, 'empty'), { recursive: true });
    for (const list of ['diary.txt', '/diary.txt', './diary.txt']) {
      for (const options of ['-a', '-as', '-a -M--from0', '-rn']) {
        const words = [...options.split(' '), `--files-from=:${list}`, 'empty/', `${peer.target}:`];
        expect(said(await peer.rsync(words))).not.toContain(me.secret);
      }
      const command = `rsync --server -vlogDtpre.iLsfxCIvu --files-from=${list} . .`;
      expect(said(await peer.ssh([command], { input: '\u001f\0\0\0' }))).not.toContain(me.secret);
    }
  }
  putFiles(mallory.folder, { 'tree/a.txt': 'a\n', names: 'a.txt\n' });
  const sent = await mallory.rsync(['-a', '--files-from=names', 'tree/', `${mallory.target}:ok/`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(existsSync(join(me.share, 'ok/a.txt'))).toBe(true);
});

test('the control: a list in the share works, and without pysync the outside one is told', async () => {
  const fetched = await mallory.rsync(['-a', '--files-from=:list', `${mallory.target}:`, 'ok/']);
  expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
  expect(findText(join(mallory.folder, 'ok'), 'hello')).toEqual(['hello.txt']);
  const list = `--files-from=:${me.outside}/diary.txt`;
  const told = await trusted.rsync(['-av', list, `${trusted.target}:public/`, 'got/']);
  expect(said(told)).toContain(me.secret);
});
