/**
 * The attacker has a key that may send and fetch. It sends commands of many kilobytes, of thousands
 * of words, and with a NUL or bytes that are not UTF-8 in them. It must not get past the check of
 * the words, nor keep the next connection from working, nor go on when its key is revoked.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles } from '../helpers/receiver.js';
import { mustExec } from '../helpers/exec.js';
import { openSession } from '../helpers/session.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;
const push = 'rsync --server -vr';
const nothing = '\0'.repeat(64);

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  putFiles(mallory.folder, { 'a.txt': 'a\n' });
});

afterAll(() => me.remove());

test.each([
  ['65 KiB in one word', `${push} . ${'x'.repeat(65 * 1024)}`],
  ['65 KiB of blanks', `${push}${' '.repeat(65 * 1024)}. .`],
  ['1,001 words', `${push} . ${'x '.repeat(1001)}`],
  ['20,000 options', `${push} ${'-v '.repeat(20_000)}. .`],
  ['an option’s value of 60 KiB', `${push} --suffix=${'x'.repeat(60 * 1024)} . .`],
  ['an option’s name of 60 KiB', `${push} --${'x'.repeat(60 * 1024)} . .`],
  ['60 KiB of letters', `rsync --server -${'v'.repeat(30 * 1024)}Z${'v'.repeat(30 * 1024)} . .`],
])('a command with %s is refused with a short sentence', async (_what, command) => {
  const { stdout, stderr, exitCode } = await mallory.ssh([command], { input: nothing });
  expect(stderr).toMatch(/^pysync: /);
  expect(stderr.length).toBeLessThan(2000);
  expect(stdout).toBe('');
  expect(exitCode).toBe(1);
});

test('a command that is longer than a program’s environment may be runs nothing', async () => {
  // Through a file: such a word is too long for the argument of a program here as well.
  putFiles(mallory.folder, { long: `${push} . ${'x'.repeat(200 * 1024)}` });
  const script = `c=$(cat long); ${mallory.remoteShell} -- ${mallory.target} "$c" </dev/null`;
  const short = `${mallory.remoteShell} -- ${mallory.target} '${push} . ${'x'.repeat(120 * 1024)}'`;
  for (const text of [script, short]) {
    putFiles(mallory.folder, { run: `${text}\n` });
    const { stdout, exitCode } = await me.account
      .run(['true'])
      .then(() => mustExec(['sh', '-c', 'sh ./run; echo "status $?"'], { cwd: mallory.folder }));
    expect(stdout).not.toContain('status 0');
    expect(exitCode).toBe(0);
  }
  expect(me.listShare()).toEqual([]);
});

test('a command that is not UTF-8 is refused, and names no other file than the intended one', async () => {
  const script = `exec ${mallory.remoteShell} -- ${mallory.target} "$(printf '${push} . a\\377b')"`;
  const { exitCode } = await mustExec(['sh', '-c', `(${script}) </dev/null; test $? = 1`], {
    cwd: mallory.folder,
  });
  expect(exitCode).toBe(0);
  expect(me.listShare()).toEqual([]);
});

test('the control: 900 words and a name of 60 bytes still work afterwards', async () => {
  const name = 'n'.repeat(60);
  const sent = await mallory.rsync(['-a', 'a.txt', `${mallory.target}:${name}`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readFileSync(join(me.share, name), 'utf8')).toBe('a\n');
  const sources = Array.from({ length: 900 }, (_, i) => `${i === 0 ? mallory.target : ''}:${name}`);
  const fetched = await mallory.rsync(['-a', ...sources, 'got/']);
  expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
});

test('a command of nearly 64 KiB does not keep its transfer from being ended', async () => {
  const eve = await me.letIn('--name', 'eve');
  const places = `-b --backup-dir ${'b/'.repeat(28_000)}b . ${'\\\u0001'.repeat(3000)}`;
  const session = openSession(eve, `${push} ${places}`);
  const running = join(me.account.home, '.local/state/pysync/running');
  await waitFor('the transfer', () => readdirSync(running).some((name) => name.endsWith('.pipe')));
  const revoked = await me.account.pysync(['revoke', 'eve']);
  expect(revoked.stdout).toContain('ended a running transfer of eve');
  await waitFor('its end', () => readdirSync(running).length === 0);
  expect((await session.end()).exitCode).not.toBe(0);
});
