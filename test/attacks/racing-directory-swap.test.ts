/**
 * The attacker has a key that may send, and an accomplice who swaps a folder in the share for a
 * link to the outside: with a second connection, or by what else writes in the share. It sends
 * through that folder, so that what was checked is not what is used. It must not write outside,
 * whichever moment it hits.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { errnoOf } from '../../src/errors.js';
import { rsyncStamp } from '../../src/gate/inspect.js';
import { findTool } from '../../src/system/tools.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles } from '../helpers/receiver.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  me.write('public/swapped/diary.txt', 'harmless\n');
  const many = Array.from({ length: 50 }, (_, i) => [`${i}.txt`, 'evil\n']);
  for (const { folder } of [mallory, trusted]) {
    putFiles(folder, { 'tree/swapped/diary.txt': 'evil\n' });
    putFiles(join(folder, 'tree/swapped'), Object.fromEntries(many) as Record<string, string>);
  }
});

afterAll(() => me.remove());

/** The accomplice: a link to the outside in the place of the folder, and back. */
const swapIn = (): void => {
  renameSync(join(me.share, 'swapped'), join(me.share, 'aside'));
  symlinkSync(me.outside, join(me.share, 'swapped'));
};
const swapOut = (): void => {
  rmSync(join(me.share, 'swapped'), { recursive: true });
  renameSync(join(me.share, 'aside'), join(me.share, 'swapped'));
};
const inBothWays = ['EEXIST', 'EISDIR', 'ENOENT', 'ENOTDIR', 'ENOTEMPTY'];

/** One swap; false where rsync was in between and has made the folder anew. */
async function trySwap(): Promise<boolean> {
  try {
    swapIn();
    await nextTurn();
    swapOut();
    await nextTurn();
    return true;
  } catch (error) {
    if (!inBothWays.includes(errnoOf(error) ?? '')) throw error;
    reset();
    return false;
  }
}

function reset(): void {
  for (const name of ['swapped', 'aside']) {
    rmSync(join(me.share, name), { recursive: true, force: true, maxRetries: 50, retryDelay: 10 });
  }
  me.write('public/swapped/diary.txt', 'harmless\n');
}

test('whatever moment the swap hits, nothing is written outside', async () => {
  const before = me.outsideState();
  const deadline = Date.now() + 6000;
  let swaps = 0;
  for (let round = 0; Date.now() < deadline; round += 1) {
    const options = ['-rIc', '--inplace', ...(round % 2 === 0 ? [] : ['-K'])];
    const pushes = { running: true };
    const both = Promise.all([
      mallory.rsync([...options, 'tree/', `${mallory.target}:`]),
      mallory.rsync(['-rI', '--inplace', 'tree/swapped/', `${mallory.target}:swapped/`]),
    ]).finally(() => {
      pushes.running = false;
    });
    while (pushes.running) if (await trySwap()) swaps += 1;
    await both;
  }
  expect(swaps).toBeGreaterThan(100);
  expect(me.outsideState()).toEqual(before);
  reset();
});

test('a swap between the check and the start of rsync writes nothing outside', async () => {
  const before = me.outsideState();
  const launcher = join(me.account.home, '.local/share/pysync/gate');
  const text = readFileSync(launcher, 'utf8');
  const rsync = findTool('rsync');
  // In place of rsync: a program that says it is there, waits for the swap, and becomes rsync.
  const stub = me.write(
    'stub/rsync',
    `#!/bin/sh\n: > /share/waiting; until [ -e /share/go ]; do :; done; exec ${rsync} "$@"\n`,
  );
  await me.account.run(['chmod', '755', stub]);
  const changed = text
    .replace(`--rsync ${rsync}`, `--rsync ${stub}`)
    .replace(/--rsync-stamp \S+/, `--rsync-stamp ${rsyncStamp(stub)}`)
    .replace('--libraries ', `--libraries ${rsync}:`);
  writeFileSync(launcher, changed);

  const push = mallory.rsync(['-rI', '--inplace', 'tree/swapped/', `${mallory.target}:swapped/`]);
  await waitFor('the decision to be made', () => me.listShare().includes('waiting'));
  swapIn();
  me.write('public/go', '');
  await push;
  swapOut();
  writeFileSync(launcher, text);
  expect(me.outsideState()).toEqual(before);
});

test('the control: without pysync the swapped folder is written through, with it the real one is', async () => {
  const sent = await mallory.rsync(['-rI', '--inplace', 'tree/', `${mallory.target}:`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readFileSync(join(me.share, 'swapped/diary.txt'), 'utf8')).toBe('evil\n');
  swapIn();
  mkdirSync(join(trusted.folder, 'nothing'));
  const place = `${trusted.target}:public/swapped/`;
  await trusted.rsync(['-rI', '--inplace', 'tree/swapped/', place]);
  swapOut();
  expect(readFileSync(join(me.outside, 'diary.txt'), 'utf8')).toBe('evil\n');
});
