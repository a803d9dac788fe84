/** What has arrived is put in its place, also where something in the share is in the way of some of it. */
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../../helpers/peer.js';
import type { Receiver } from '../../helpers/receiver.js';
import { createReceiver, putFiles, said } from '../../helpers/receiver.js';

let me: Receiver;
let bob: Peer;
let carol: Peer;
const long = 'n'.repeat(255);
const read = (path: string): string => readFileSync(join(me.share, path), 'utf8');

beforeAll(async () => {
  me = await createReceiver();
  bob = await me.letIn('--name', 'bob', '--access', 'write-only');
  carol = await me.letIn('--name', 'carol');
  me.write('public/locked/keep', 'keep\n');
  me.write('public/closed/keep', 'keep\n');
  chmodSync(join(me.share, 'locked'), 0o555);
  chmodSync(join(me.share, 'closed'), 0);
});

afterAll(() => me.remove());

test('of a write-only push all arrives but what goes into folders that are closed', async () => {
  putFiles(bob.folder, { 'd/a/1': '1', 'd/closed/1': '1', 'd/locked/1': '1', 'd/z/1': '1' });
  const result = await bob.rsync(['-rt', 'd/', `${bob.target}:`]);
  expect(result.exitCode).toBe(23);
  expect(said(result)).toContain('pysync: could not store 1\n');
  expect(said(result)).toContain('pysync: could not store closed\n');
  expect([read('a/1'), read('z/1')]).toEqual(['1', '1']);
  expect(readdirSync(join(me.share, 'locked'))).toEqual(['keep']);
  const single = await bob.rsync(['-t', 'd/a/1', `${bob.target}:locked`]);
  expect(single).toMatchObject({ stderr: '', exitCode: 0 });
  expect(read('locked~2')).toBe('1');
  expect(existsSync(join(me.share, '.pysync'))).toBe(false);
});

test('a file with the longest name goes beside a folder that is in its way', async () => {
  mkdirSync(join(me.share, long));
  putFiles(bob.folder, { [`long/${long}`]: 'new\n' });
  const result = await bob.rsync(['-rt', 'long/', `${bob.target}:`]);
  expect(result).toMatchObject({ stderr: '', exitCode: 0 });
  expect(read(`${long.slice(2)}~2`)).toBe('new\n');
});

test('the backup of a file with the longest name is kept', async () => {
  for (const [i, peer] of [bob, carol].entries()) {
    const name = `${String(i)}${long.slice(1)}`;
    me.write(`public/box/${name}`, 'old\n');
    putFiles(peer.folder, { [`backup/${name}`]: 'longer\n' });
    const result = await peer.rsync(['-rtb', 'backup/', `${peer.target}:box/`]);
    expect(result).toMatchObject({ stderr: '', exitCode: 0 });
    expect([read(`box/${name}`), read(`box/${name.slice(0, -1)}~`)]).toEqual(['longer\n', 'old\n']);
  }
});

test('a folder that nobody can enter is in the way of no other', async () => {
  putFiles(carol.folder, { 'e/file': 'file\n' });
  linkSync(join(carol.folder, 'e/file'), join(carol.folder, 'e/second'));
  symlinkSync('file', join(carol.folder, 'e/link'));
  for (const options of [['-rt', '--inplace'], ['-aH']]) {
    const result = await carol.rsync([...options, 'e/', `${carol.target}:`]);
    expect(result).toMatchObject({ stderr: '', exitCode: 0 });
  }
  expect(read('link')).toBe('file\n');
  expect(existsSync(join(me.share, '.pysync'))).toBe(false);
});
