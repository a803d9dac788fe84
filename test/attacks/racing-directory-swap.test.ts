/**
 * The attacker has a key that may send, and an accomplice who swaps a folder in the share for a
 * link to the outside: with a second connection, or by what else writes in the share. It sends
 * through that folder, so that what was checked is not what is used. It must not write outside,
 * whichever moment it hits.
 */
import { lstatSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { errnoOf } from '../../src/errors.js';
import { stampOf } from '../../src/sandbox/sandboxes.js';
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
  const many = Array.from({ length: 50 }, (_, i) => [`${i}.txt`, 'evil\n']);
  for (const { folder } of [mallory, trusted]) {
    putFiles(folder, { 'tree/swapped/diary.txt': 'evil\n' });
    putFiles(join(folder, 'tree/swapped'), Object.fromEntries(many) as Record<string, string>);
  }
});

beforeEach(() => {
  freshFolder();
});

afterAll(() => me.remove());

let moved = 0;

/** What has to make room goes aside and is kept: rsync may still be writing there. */
function moveAway(): string {
  moved += 1;
  const place = join(me.share, `.moved-${moved}`);
  renameSync(join(me.share, 'swapped'), place);
  return place;
}

function freshFolder(): void {
  // Not listShare: what was moved aside is there in thousands.
  const old = lstatSync(join(me.share, 'swapped'), { throwIfNoEntry: false });
  if (old !== undefined) moveAway();
  me.write('public/swapped/diary.txt', 'harmless\n');
}

/** The accomplice: a link to the outside in the place of the folder. The way back is returned. */
function swap(): () => void {
  const folder = moveAway();
  me.link(me.outside, 'public/swapped');
  return () => {
    moveAway();
    renameSync(folder, join(me.share, 'swapped'));
  };
}

const inBetween = ['EEXIST', 'EISDIR', 'ENOENT', 'ENOTDIR', 'ENOTEMPTY'];

/** A swap and back; false where rsync was in between and has recreated the folder. */
async function trySwap(): Promise<boolean> {
  try {
    const back = swap();
    await nextTurn();
    back();
    await nextTurn();
    return true;
  } catch (error) {
    passOver(error);
  }
  // rsync may make the folder just as it is made here.
  for (;;) {
    try {
      freshFolder();
      return false;
    } catch (error) {
      passOver(error);
    }
  }
}

function passOver(error: unknown): void {
  if (!inBetween.includes(errnoOf(error) ?? '')) throw error;
}

test('whatever moment the swap hits, nothing is written outside', async () => {
  const before = me.outsideState();
  const deadline = Date.now() + 4000;
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
});

test('a swap between the check and the start of rsync writes nothing outside', async () => {
  const before = me.outsideState();
  const file = join(me.account.home, '.local/share/pysync/settings.json');
  const text = readFileSync(file, 'utf8');
  const rsync = findTool('rsync');
  // In place of rsync: a program that says it is there, waits for the swap, and becomes rsync.
  const stub = me.write(
    'stub/rsync',
    `#!/bin/sh\n: > /share/waiting; until [ -e /share/go ]; do :; done; exec ${rsync} "$@"\n`,
  );
  await me.account.run(['chmod', '755', stub]);
  const settings = JSON.parse(text) as { libraries: string[] };
  const libraries = [rsync, ...settings.libraries];
  const changed = { ...settings, rsync: stub, rsyncStamp: stampOf(stub), libraries };
  writeFileSync(file, JSON.stringify(changed));

  const push = mallory.rsync(['-rI', '--inplace', 'tree/swapped/', `${mallory.target}:swapped/`]);
  await waitFor('the decision to be made', () => me.listShare().includes('waiting'));
  const back = swap();
  me.write('public/go', '');
  await push;
  back();
  writeFileSync(file, text);
  expect(me.outsideState()).toEqual(before);
});

test('the control: without pysync the swapped folder is written through, with it the real one is', async () => {
  const sent = await mallory.rsync(['-rI', '--inplace', 'tree/', `${mallory.target}:`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readFileSync(join(me.share, 'swapped/diary.txt'), 'utf8')).toBe('evil\n');
  const back = swap();
  const place = `${trusted.target}:public/swapped/`;
  await trusted.rsync(['-rI', '--inplace', 'tree/swapped/', place]);
  back();
  expect(readFileSync(join(me.outside, 'diary.txt'), 'utf8')).toBe('evil\n');
});
