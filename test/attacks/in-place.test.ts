/**
 * The attacker has a key that may send. `--inplace` and `--append` write into the file that is there,
 * and a file may have a second name: the owner's hard link, or one that the attacker made itself with
 * --link-dest or -H. The file of the other name must keep what it holds.
 */
import { linkSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles, said } from '../helpers/receiver.js';
import { runningPlaces } from '../helpers/session-folders.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  putFiles(mallory.folder, { 'same/a.txt': 'evil of the same size\n', 'more/a.txt': '' });
  putFiles(mallory.folder, { 'more/a.txt': `precious, as it was\n${'more\n'.repeat(100)}` });
  utimesSync(join(mallory.folder, 'same/a.txt'), 1, 1);
});

afterAll(() => me.remove());

const precious = 'precious, as it was!\n';
let round = 0;
let place = '';

beforeEach(() => {
  me.write('public/keep/a.txt', 'evil of the same size\n');
  round += 1;
  place = `mine${round}`;
});

const kept = (): string => readFileSync(join(me.share, 'keep/a.txt'), 'utf8');

test.each(['--inplace', '--append', '--append-verify', '--inplace -b', '--inplace --no-W -I'])(
  '%s does not write through a second name that --link-dest, -H or the owner has made',
  async (options) => {
    const there = `${mallory.target}:${place}/`;
    const before = kept();
    await mallory.rsync(['-r', '--size-only', '--link-dest=/keep', 'same/', there]);
    expect(statSync(join(me.share, place, 'a.txt')).nlink).toBeGreaterThan(1);
    for (const tree of ['more/', 'more/a.txt']) {
      for (const target of [there, `${there}a.txt`, `${mallory.target}:./${place}`]) {
        const sent = await mallory.rsync(['-aI', ...options.split(' '), tree, target]);
        expect(said(sent)).toContain('has a second name');
      }
    }
    expect(kept()).toBe(before);

    me.write('public/keep/own.txt', precious);
    linkSync(join(me.share, 'keep/own.txt'), join(me.share, place, 'own.txt'));
    putFiles(mallory.folder, { 'own/own.txt': `${precious}and more\n` });
    await mallory.rsync(['-aI', ...options.split(' '), 'own/', there]);
    expect(readFileSync(join(me.share, 'keep/own.txt'), 'utf8')).toBe(precious);
  },
);

test('no second name is made while another transfer writes in place, nor the other way round', async () => {
  putFiles(mallory.folder, { 'slow/big': Buffer.alloc(4 << 20, 'x') });
  const slow = ['-a', '--bwlimit=512'];
  for (const [first, second] of [
    ['--inplace', '--link-dest=/keep'],
    ['--link-dest=/keep', '--inplace'],
  ] as const) {
    const slowly = `${place}${first.slice(0, 4)}/`;
    const there = `${mallory.target}:${slowly}`;
    const cut = new AbortController();
    const push = mallory.rsync([...slow, first, 'slow/', there], { signal: cut.signal });
    await waitFor('the first', () => runningPlaces(me.account.home).includes(slowly));
    const other = await mallory.rsync(['-a', second, 'same/', `${mallory.target}:${place}/`]);
    expect(said(other)).toContain('pysync: another transfer');
    cut.abort();
    await push;
    await waitFor('its end', () => runningPlaces(me.account.home).length === 0);
  }
});

test('the control: --inplace and --append write in place where a file has one name', async () => {
  const there = `${mallory.target}:${place}/`;
  await mallory.rsync(['-a', 'same/', there]);
  const { ino } = statSync(join(me.share, place, 'a.txt'));
  const sent = await mallory.rsync(['-a', '--inplace', 'more/', there]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  const after = statSync(join(me.share, place, 'a.txt'));
  expect([after.ino, after.size]).toEqual([ino, 520]);
});
