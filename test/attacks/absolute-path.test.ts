/**
 * The attacker has a key that may send and fetch, and knows where the receiver's files are. It
 * names them by their absolute paths, as the place to send to, to fetch from, and as options'
 * values. It must not get any of them, nor change or add one.
 */
import { existsSync, readFileSync } from 'node:fs';
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
  putFiles(mallory.folder, { 'evil.txt': 'evil\n' });
});

afterAll(() => me.remove());

/** Spellings of the outside folder. */
const spellings = (): string[] => {
  const { outside, share } = me;
  const [, ...parts] = outside.split('/');
  return [
    `${outside}/`,
    `///${outside}/`,
    `/.${outside}/`,
    `~${outside}/`,
    `~${me.account.name}/private/`,
    `${share}${outside}/`,
    `${share}/../private/`,
    `/share/..${outside}/`,
    `/proc/self/root${outside}/`,
    `/oldroot${outside}/`,
    `/${parts.map((part) => `[${part[0] ?? ''}]${part.slice(1)}`).join('/')}/`,
  ];
};

test('no spelling of an absolute path fetches a file from outside', async () => {
  for (const spelling of spellings()) {
    for (const options of ['-aR', '-aLs']) {
      for (const name of options === '-aR' ? ['', 'diary.txt'] : ['*']) {
        const source = `${mallory.target}:${spelling}${name}`;
        const result = await mallory.rsync([options, source, 'got/']);
        expect(said(result), spelling).not.toContain(me.secret);
      }
    }
  }
  expect(findText(mallory.folder, me.secret)).toEqual([]);
});

test('no spelling of an absolute path writes a file outside', async () => {
  const before = me.outsideState();
  const open = join('/tmp', me.secret);
  for (const place of [...spellings(), open, `/dev/shm/${me.secret}`, `/var/tmp/${me.secret}`]) {
    for (const options of [
      ['-as', '--inplace'],
      ['-a', '--mkpath'],
    ]) {
      await mallory.rsync([...options, 'evil.txt', `${mallory.target}:${place}`]);
    }
  }
  expect(me.outsideState()).toEqual(before);
  for (const folder of ['/tmp', '/dev/shm', '/var/tmp']) {
    expect(existsSync(join(folder, me.secret))).toBe(false);
  }
  // With --mkpath it went below the share, to the place of that name.
  expect(readFileSync(join(me.share, open), 'utf8')).toBe('evil\n');
});

test('the control: without the restriction they work, and the share’s own path does with it', async () => {
  const source = `${trusted.target}:${me.outside}/diary.txt`;
  expect(await trusted.rsync(['-a', source, 'got/'])).toMatchObject({ exitCode: 0 });
  expect(findText(trusted.folder, me.secret)).toEqual(['got/diary.txt']);
  const own = `${mallory.target}:${me.share}/hello.txt`;
  expect(await mallory.rsync(['-a', own, 'got/'])).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readFileSync(join(mallory.folder, 'got/hello.txt'), 'utf8')).toBe('hello\n');
});
