/**
 * The attacker has a key that may send and fetch, and a copy of a file's size and date. It names
 * folders outside the share for rsync to take unchanged files from (--link-dest, --copy-dest,
 * --compare-dest) and sends hard links. It must get no outside file into the share, no second name
 * for one, and must not learn whether one is as it guessed.
 */
import { existsSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, putFiles } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;
const date = new Date('2020-01-01T00:00:00Z');

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  me.link('../../private', 'public/mine/door');
  utimesSync(join(me.outside, 'diary.txt'), date, date);
  for (const { folder } of [mallory, trusted]) {
    // A file of the same name, size, date and mode with nothing in it.
    putFiles(folder, { 'guess/diary.txt': '?'.repeat(me.secret.length + 1) });
    utimesSync(join(folder, 'guess/diary.txt'), date, date);
  }
});

afterAll(() => me.remove());

/** The option in all spellings of the outside folder. */
const spellings = (): string[] => [
  me.outside,
  '../private',
  '../../private',
  '/../private',
  `${me.share}/../private`,
  '../mine/door',
  '/mine/door',
  `/mine/door/../private`,
  `/proc/self/root${me.outside}`,
];

test.each(['--link-dest', '--copy-dest', '--compare-dest'])(
  '%s brings no outside file into the share',
  async (option) => {
    const before = me.outsideState();
    for (const [i, folder] of spellings().entries()) {
      for (const extra of ['-a', '-as']) {
        const target = `${option.slice(2)}${extra}${i}`;
        const place = `${mallory.target}:${target}/`;
        await mallory.rsync([extra, `${option}=${folder}`, 'guess/', place]);
        const arrived = join(me.share, target, 'diary.txt');
        // Had rsync found the outside file, it would have taken the sender's for unchanged.
        const wasRefused = !existsSync(join(me.share, target));
        expect(wasRefused || statSync(arrived).nlink === 1, folder).toBe(true);
      }
    }
    expect(findText(me.share, me.secret)).toEqual([]);
    expect(me.outsideState()).toEqual(before);
  },
);

test('a hard link to what a link in the share leads to is not made', async () => {
  const before = me.outsideState();
  putFiles(mallory.folder, { 'hard/one': 'one\n' });
  const link = await me.account.run(['ln', '-s', '../private/diary.txt', 'public/one']);
  expect(link.exitCode).toBe(0);
  await mallory.rsync(['-aH', '--inplace', 'hard/', `${mallory.target}:`]);
  await mallory.rsync(['-aH', '--ignore-existing', 'hard/', `${mallory.target}:`]);
  expect(findText(me.share, me.secret)).toEqual([]);
  expect(me.outsideState()).toEqual(before);
});

test('the control: within the share --link-dest links, and without pysync the outside file comes in', async () => {
  const send = (target: string, ...options: string[]): ReturnType<Peer['rsync']> =>
    mallory.rsync(['-a', ...options, 'guess/', `${mallory.target}:${target}/`]);
  expect(await send('first')).toMatchObject({ exitCode: 0 });
  expect(await send('second', '--link-dest=../first')).toMatchObject({ stderr: '', exitCode: 0 });
  expect(statSync(join(me.share, 'second/diary.txt')).nlink).toBe(2);

  const option = `--link-dest=${me.outside}`;
  const place = `${trusted.target}:open/`;
  expect(await trusted.rsync(['-rt', option, 'guess/', place])).toMatchObject({ exitCode: 0 });
  expect(findText(join(me.account.home, 'open'), me.secret)).toEqual(['diary.txt']);
});
