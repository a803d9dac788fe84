/**
 * The attacker has a key that may send and fetch. While others send, and after they were cut off,
 * parts of their files lie in the share, in a folder of pysync's own. The attacker tries to see,
 * fetch, name, and plant things there. It gets none of it, and the other's rerun still goes on where
 * it was.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, listTree, putFiles, said } from '../helpers/receiver.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let victim: Peer;
let mallory: Peer;
const mark = 'markmarkmark';
const size = 8 << 20;

beforeAll(async () => {
  me = await createReceiver({ multiplex: false });
  victim = await me.letIn('--name', 'victim');
  mallory = await me.letIn('--name', 'mallory', '--allow-delete');
  me.write('public/box/hello.txt', 'hello\n');
  for (const name of ['first', 'second', 'third']) {
    putFiles(victim.folder, { [name]: Buffer.alloc(size, `${mark}\n`) });
  }
});

afterAll(() => me.remove());

const own = (): string => join(me.share, '.pysync');
const partNames = (kind: string): string[] =>
  existsSync(own()) ? readdirSync(own()).flatMap((name) => listTree(join(own(), name, kind))) : [];

async function cutOff(name: string): Promise<void> {
  const running = join(me.account.home, '.local/state/pysync/running');
  const cut = new AbortController();
  const words = ['-aPI', '--bwlimit=256', name, `${victim.target}:box/`];
  const push = victim.rsync(words, { signal: cut.signal });
  await waitFor('a part', () => partNames('tmp').length > 0);
  await lookAround(name);
  cut.abort();
  await push;
  await waitFor('the end', () => readdirSync(running).length === 0);
  expect(partNames('parts')).toEqual([name]);
}

/** All that a peer can do to see what others have not finished. */
async function lookAround(name: string): Promise<void> {
  const place = `${mallory.target}:`;
  for (const words of [
    ['-r', place],
    ['-avvv', place, 'got/'],
    ['-a', `${place}.pysync/`, 'got/'],
    ['-a', `${place}.p*`, 'got/'],
    ['-aR', `${place}.pysync`, 'got/'],
    ['-a', '-f', '+ .pysync', '-f', '+ *', place, 'got/'],
    ['-a', '-f', '!', '--include=*', place, 'got/'],
    ['-aL', `${place}peek/`, 'got/'],
    ['-aL', place, 'got/'],
  ]) {
    expect(said(await mallory.rsync(words))).not.toMatch(new RegExp(`${name}|[0-9a-f]{32}`));
  }
  expect(listTree(join(mallory.folder, 'got')).filter((path) => path.includes(name))).toEqual([]);
}

test('what is incomplete can be neither seen nor fetched, and the rerun resumes it', async () => {
  me.link('.pysync', 'public/peek');
  await cutOff('first');
  await lookAround('first');
  const again = await victim.rsync(['-aPI', '--stats', 'first', `${victim.target}:box/`]);
  expect(again.exitCode).toBe(0);
  expect(
    Number(/Matched data: ([\d,]+)/.exec(again.stdout)?.[1]?.replaceAll(',', '')),
  ).toBeGreaterThan(0);
  expect(readFileSync(join(me.share, 'box/first')).length).toBe(size);
  expect(existsSync(own())).toBe(false);
});

test('nothing is planted there, and nothing there is deleted', async () => {
  await cutOff('second');
  const before = listTree(own());
  const tree = join(mallory.folder, 'tree');
  mkdirSync(join(tree, 'planted'), { recursive: true });
  putFiles(tree, { 'evil.txt': 'evil\n' });
  for (const place of ['.pysync/', '.pysync/x', 'peek/', 'box/.pysync/', './/.pysync//x/']) {
    await mallory.rsync(['-a', 'tree/', `${mallory.target}:${place}`]);
    await mallory.rsync(['-a', '--delete', 'tree/', `${mallory.target}:${place}`]);
    await mallory.rsync(['-a', '--remove-source-files', `${mallory.target}:${place}`, 'got/']);
  }
  symlinkSync('box', join(mallory.folder, '.pysync'));
  for (const options of ['-a', '-a --force']) {
    await mallory.rsync([...options.split(' '), '.pysync', `${mallory.target}:`]);
  }
  expect(listTree(own())).toEqual(before);
  const again = await victim.rsync(['-aPI', 'second', `${victim.target}:box/`]);
  expect(again.exitCode).toBe(0);
  expect(existsSync(own())).toBe(false);
});

test('the log says which part was left, and how large it is', async () => {
  await cutOff('third');
  const log = me.logs().find((text) => text.includes('"third"')) ?? '';
  const [, bytes] = /^pysync-part [0-9a-f]{32} (\d+) "third"$/m.exec(log) ?? [];
  expect(Number(bytes)).toBeGreaterThan(0);
});
