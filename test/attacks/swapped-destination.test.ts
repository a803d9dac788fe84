/**
 * The attacker has a key that may send and fetch. It sends to a link, or to a name that is not there
 * yet and becomes a link while the sender waits; and before the transfer ends, another connection
 * puts a third thing in that place. What is looked at afterwards must be what was written: no link
 * stays that leads out, and no folder of others gets the attacker's access lists.
 */
import { existsSync, linkSync, lstatSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mustExec } from '../helpers/exec.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles } from '../helpers/receiver.js';
import { heldBack } from '../helpers/session.js';
import { runningPlaces, unfinishedFiles } from '../helpers/session-folders.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;
let accomplice: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  accomplice = await me.letIn('--name', 'accomplice');
  me.write('public/docs/sub/precious.txt', 'precious\n');
  me.write('public/mine/mine.txt', 'mine\n');
  me.write('public/nothing/here.txt', 'here\n');
  const tree = join(mallory.folder, 'tree');
  putFiles(tree, { 'slow.bin': Buffer.alloc(1 << 20, 'slow') });
  mkdirSync(join(tree, 'a/b/c'), { recursive: true });
  symlinkSync('../../../private', join(tree, 'a/b/c/out'));
  for (const folder of ['', 'a/', 'a/b/']) {
    linkSync(join(tree, 'a/b/c/out'), join(tree, `${folder}out-zz`));
  }
  for (const name of ['open', 'open/docs', 'open/sub']) {
    const folder = join(mallory.folder, name);
    mkdirSync(folder, { recursive: true });
    await mustExec(['setfacl', '-m', 'd:g::rwx,d:o::rwx,g::rwx', folder]);
  }
  putFiles(mallory.folder, { 'open/slow.bin': Buffer.alloc(1 << 20, 'slow') });
});

afterAll(() => me.remove());

/** Puts a link into the share, in the place of the one that is there. */
async function plant(name: string, target: string): Promise<void> {
  const folder = join(accomplice.folder, `plant-${process.hrtime.bigint()}`);
  mkdirSync(folder);
  symlinkSync(target, join(folder, name));
  const planted = await accomplice.rsync(['-a', join(folder, name), `${accomplice.target}:`]);
  expect(planted).toMatchObject({ stderr: '', exitCode: 0 });
}

/** Sends to `name`, which leads to `first` when rsync enters it and to `then` when it ends. */
async function sendThrough(
  words: readonly string[],
  name: string,
  isThere: boolean,
  [first, then]: readonly [string, string],
): Promise<void> {
  if (isThere) await plant(name, first);
  const push = heldBack(mallory, ['-W', '--bwlimit=256', ...words, `${mallory.target}:${name}`]);
  await waitFor('the session', () => runningPlaces(me.account.home).includes(name));
  if (!isThere) await plant(name, first);
  push.go();
  await waitFor('a part', () => unfinishedFiles(me.share, 'tmp').length > 0);
  await plant(name, then);
  await push.end;
  expect(existsSync(join(me.share, first, 'slow.bin'))).toBe(true);
}

test.each([true, false])(
  'no link that leads out stays behind a destination that was swapped, there before: %s',
  async (isThere) => {
    await sendThrough(['-aHI', 'tree/'], `door-${isThere}`, isThere, ['mine', 'nothing']);
    expect(lstatSync(join(me.share, 'mine/out-zz'), { throwIfNoEntry: false })).toBeUndefined();
  },
);

test.each([
  [true, ['docs', 'nothing']],
  [false, ['docs', 'nothing']],
] as const)(
  'folders of others keep their access lists, there before: %s, leading to %j',
  async (isThere, targets) => {
    const lists = async (): Promise<string> =>
      (await mustExec(['getfacl', '-R', join(me.share, 'docs')])).stdout.replace(
        /^.*slow.*$/gm,
        '',
      );
    const before = await lists();
    const name = `way-${isThere}-${targets[0]}`;
    await mustExec(['rm', '-rf', join(me.share, 'docs/docs'), join(me.share, 'docs/slow.bin')]);
    await sendThrough(['-aAI', 'open/'], name, isThere, targets);
    await mustExec(['rm', '-rf', join(me.share, 'docs/docs'), join(me.share, 'docs/slow.bin')]);
    expect(await lists()).toBe(before);
  },
);
