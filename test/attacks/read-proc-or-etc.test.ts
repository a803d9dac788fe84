/**
 * The attacker has a key that may send and fetch, and finds links in the share to the system's
 * folders. It fetches from /proc, /etc, /sys, /dev and the rest, by path and through the links, to
 * learn of users, processes, mounts and the machine. It must get nothing of them.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, listTree, said, variants } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

const places = [
  '/etc/passwd',
  '/etc/ssh/',
  '/proc/self/environ',
  '/proc/self/mountinfo',
  '/proc/1/cmdline',
  '/sys/kernel/',
  '/tmp/',
  '/home/',
  '/root/',
  '/dev/mem',
  '/log/',
];

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  me.write('public/hello.txt', 'hello\n');
  for (const place of places) me.link(place, `public/links/${place.replaceAll('/', '_')}`);
  me.link('/', 'public/links/root');
});

afterAll(() => me.remove());

test.each(variants(places))('%s is not there, by path and through a link', async (place) => {
  const links = `${mallory.target}:links`;
  const link = place.replaceAll('/', '_') + (place.endsWith('/') ? '/' : '');
  for (const source of [
    `${mallory.target}:${place}`,
    `${links}/${link}`,
    `${links}/root${place}`,
  ]) {
    const result = await mallory.rsync(['-rL', source, 'got/']);
    expect(result.exitCode).not.toBe(0);
  }
  expect(listTree(join(mallory.folder, 'got'))).toEqual([]);
});

test('all that the root of the sandbox holds is rsync, what it needs, and the share', async () => {
  const result = await mallory.rsync(['-r', '--list-only', '-L', `${mallory.target}:links/root/`]);
  const names = result.stdout
    .split('\n')
    .map((line) => line.split(' ').at(-1) ?? '')
    .filter((name) => /^[^/]+$/.test(name));
  expect(names).toEqual(expect.arrayContaining(['share', 'usr']));
  const allowed = ['.', 'bin', 'dev', 'lib', 'lib64', 'log', 'share', 'usr'];
  expect(names.filter((name) => !allowed.includes(name))).toEqual([]);
  expect(result.stdout).not.toMatch(/passwd|\.log$/m);
});

test('nothing can be written beside the share in the sandbox, where it would fill memory', async () => {
  for (const place of ['', 'dev/', 'log/', 'usr/', 'new/']) {
    const target = `${mallory.target}:links/root/${place}`;
    const result = await mallory.rsync(['-r', '--inplace', 'id.pub', target]);
    expect(said(result)).toMatch(/Read-only file system|Permission denied|No such file|Not a dir/);
    expect(result.exitCode).not.toBe(0);
  }
});

test('the control: the share is there, and without pysync so is the rest', async () => {
  const fetched = await mallory.rsync(['-r', `${mallory.target}:hello.txt`, 'ok/']);
  expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
  await trusted.rsync(['-L', `${trusted.target}:/etc/passwd`, 'got/']);
  expect(findText(trusted.folder, 'root:')).toEqual(['got/passwd']);
  const status = await trusted.rsync(['-L', `${trusted.target}:/proc/sys/kernel/hostname`, 'got/']);
  expect(status.exitCode).toBe(0);
  expect(hostname()).not.toBe('');
});
