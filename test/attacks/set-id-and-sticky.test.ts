/**
 * The attacker has a key that may send, and is root at home. It sends programs and folders with
 * set-user-id, set-group-id and sticky bits, and files that everybody may write, with every option
 * that carries modes. Nothing in the share may get such a bit, or become writable for others.
 */
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  for (const { folder } of [mallory, trusted]) {
    putFiles(folder, { 'tree/setuid': 'x', 'tree/setgid': 'x', 'tree/all': 'x', 'tree/run': 'x' });
    mkdirSync(join(folder, 'tree/sticky'));
    mkdirSync(join(folder, 'tree/inherit'));
    chmodSync(join(folder, 'tree/setuid'), 0o4755);
    chmodSync(join(folder, 'tree/setgid'), 0o2755);
    chmodSync(join(folder, 'tree/all'), 0o7777);
    chmodSync(join(folder, 'tree/run'), 0o755);
    chmodSync(join(folder, 'tree/sticky'), 0o1777);
    chmodSync(join(folder, 'tree/inherit'), 0o6777);
  }
});

afterAll(() => me.remove());

/** The entries of the share that have a forbidden bit. */
function badModes(): string[] {
  return me.listShare().filter((name) => {
    const { mode } = lstatSync(join(me.share, name));
    return (mode & 0o7002) !== 0;
  });
}

test.each([
  '-a',
  '-a --inplace',
  '-rp',
  '-rE',
  '-r',
  '-aAX',
  '-a --chmod=ugo+rwxst',
  '-a --chmod=D7777,F7777',
  '-r --no-perms --chmod=F4755',
  '-aO --omit-link-times',
  '-a --numeric-ids --usermap=*:root --groupmap=*:root',
  '-a --delay-updates',
  '-a --link-dest=../00',
  '-as',
])('a push with %s leaves no such bit', async (options) => {
  const target = `${mallory.target}:${options.replaceAll(/\W/g, '')}/`;
  for (const again of [[], ['-I']]) {
    const sent = await mallory.rsync([...options.split(' '), ...again, 'tree/', target]);
    expect(sent.exitCode).toBe(0);
  }
  expect(me.listShare().length).toBeGreaterThan(5);
  expect(badModes()).toEqual([]);
});

test('what the receiver has made executable or open is not opened further', async () => {
  me.write('public/mine/all', 'mine\n');
  const sent = await mallory.rsync(['-aI', '--existing', 'tree/all', `${mallory.target}:mine/`]);
  expect(sent.exitCode).toBe(0);
  expect(badModes()).toEqual([]);
});

test('the control: ordinary bits arrive, and without pysync the others do too', async () => {
  expect(lstatSync(join(me.share, 'a/run')).mode & 0o777).toBe(0o755);
  await trusted.rsync(['-a', 'tree/', `${trusted.target}:open/`]);
  expect(lstatSync(join(me.account.home, 'open/setuid')).mode & 0o7777).toBe(0o4755);
  expect(lstatSync(join(me.account.home, 'open/sticky')).mode & 0o7777).toBe(0o1777);
});
