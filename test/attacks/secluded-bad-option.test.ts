/**
 * The attacker has a key that may send and fetch. It hides its words from the command by sending
 * them over standard input (-s): options that are refused elsewhere, paths that climb, wide
 * characters that a later conversion turns into dots and slashes, words without end or too slow. It
 * must not get past the check that the command's own words go through.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, putFiles, said, variants } from '../helpers/receiver.js';
import { openSession } from '../helpers/session.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;
const push = 'rsync --server -se.LsfxCIvu';
const pull = 'rsync --server --sender -se.LsfxCIvu';

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  me.write('public/hello.txt', 'hello\n');
  me.write('public/rsyncd.conf', `[all]\npath = ${me.outside}\nuse chroot = no\n`);
  putFiles(mallory.folder, { 'evil.txt': 'evil\n' });
});

afterAll(() => me.remove());

const send = (command: string, words: readonly string[], end = '\0\0'): ReturnType<Peer['ssh']> =>
  mallory.ssh([command], { input: words.join('\0') + end });

const hidden = [
  ['--daemon', '.'],
  ['--daemon', '--config=rsyncd.conf', '.'],
  ['--server', '--daemon', '.'],
  ['-vr', '--log-file=OUTSIDE/diary.txt', '.', '.'],
  ['-vr', '--log-file', 'OUTSIDE/diary.txt', '.', '.'],
  ['-vrs', '.', '.'],
  ['-vr', '-s', '.', '.'],
  ['--secluded-args', '-vr', '.', '.'],
  ['-vr', '.', '../private'],
  ['-vr', '.', 'x/../../private/diary.txt'],
  ['-vr', '--files-from=../private/diary.txt', '.', '.'],
  ['-vr', '--write-devices', '.', '.'],
  ['-vr', '--rsh=touch', '.', '.'],
  ['-vr', '-e', 'touch', '.', '.'],
  ['-vr', '--iconv=utf-16,utf-8', '.', '.'],
  ['-vr', '--no-such-option', '.', '.'],
];

test.each(variants(hidden))('the secluded words %s %s … are refused', async (...words) => {
  const before = me.outsideState();
  const real = words.map((word) => word.replace('OUTSIDE', me.outside));
  for (const command of [push, pull]) {
    const result = await send(command, ['rsync', ...real]);
    expect(result.stderr).toMatch(/^pysync: /);
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toBe('');
  }
  expect(me.outsideState()).toEqual(before);
});

test('words beside -s, without a start, too long, cut off or not UTF-8 are refused', async () => {
  const good = ['rsync', '-vr', '.', '.'];
  const results = [
    await send(`${push} . .`, good),
    await send(`${push} --log-file=x`, good),
    await send(push, ['rsyncd', '-vr', '.', '.']),
    await send(push, []),
    await send(push, good, ''),
    await send(push, [...good.slice(0, 3), 'x'.repeat(70_000)]),
    await send(push, [...good.slice(0, 3), ...Array<string>(40_000).fill('x')]),
    await mallory.ssh([push], { input: Buffer.from('rsync\0-vr\0.\0a\xffb\0\0', 'latin1') }),
  ];
  for (const { stdout, stderr, exitCode } of results) {
    expect(stderr).toMatch(/^pysync: /);
    expect(stdout).toBe('');
    expect(exitCode).toBe(1);
  }
  expect(me.listShare()).toEqual(['hello.txt', 'rsyncd.conf']);
});

test('wide dots and slashes do not become a path that climbs', async () => {
  const wide = '\uff0e\uff0e\uff0fprivate';
  const before = me.outsideState();
  for (const charset of ['utf-8,ascii//TRANSLIT', 'ascii//TRANSLIT', 'utf-8,utf-16', 'utf-8,gbk']) {
    const options = ['-rs', `--iconv=${charset}`];
    const pulled = await mallory.rsync([...options, `${mallory.target}:${wide}/`, 'got/']);
    expect(said(pulled)).not.toContain(me.secret);
    await mallory.rsync([...options, 'evil.txt', `${mallory.target}:${wide}/diary.txt`]);
  }
  expect(findText(mallory.folder, me.secret)).toEqual([]);
  expect(me.outsideState()).toEqual(before);
});

test('words that never come are not waited for longer than a while', async () => {
  const session = openSession(mallory, push);
  const count = me.logs().length;
  const refused = (): boolean => me.logs().length > count;
  await waitFor('the gate to give up', refused, 20_000);
  expect((await session.end()).stdout).toBe('');
  expect(me.logs().at(-1)).toContain('pysync-refused');
});

test('the control: an ordinary transfer with -s works in both directions', async () => {
  const sent = await mallory.rsync(['-as', 'evil.txt', `${mallory.target}:two words.txt`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readFileSync(join(me.share, 'two words.txt'), 'utf8')).toBe('evil\n');
  const fetched = await mallory.rsync(['-as', `${mallory.target}:two words.txt`, 'ok/']);
  expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
  expect(existsSync(join(mallory.folder, 'ok/two words.txt'))).toBe(true);
});
