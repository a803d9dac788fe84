/**
 * The attacker has a key that may send and fetch. It puts what a shell acts on into the command and
 * into file names: separators, substitutions, redirections, newlines. It must not get a command run
 * or a file written by a shell, neither on the receiver nor in the sandbox.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, listTree, putFiles, variants } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  me.write('public/hello.txt', 'hello\n');
});

afterAll(() => me.remove());

/** Each would make a file called `pwned`, in the home or in the share, if a shell read it. */
const endings = [
  '; touch pwned',
  '& touch pwned',
  '&& touch pwned',
  '|| touch pwned',
  '| touch pwned',
  '$(touch pwned)',
  '`touch pwned`',
  '> pwned',
  '>> pwned',
  '<>pwned',
  '\ntouch pwned\n',
  '\rtouch pwned',
  '"$(touch pwned)"',
  "'; touch pwned; '",
  '\\; touch pwned',
  '${x:=$(touch pwned)}',
  '*$(touch pwned)*',
  '{a,$(touch pwned)}',
  "*'\n'touch pwned\n",
  '<(touch pwned)',
  '~/$(touch pwned)',
];

const isPwned = (): boolean =>
  [me.account.home, me.share].some((folder) => existsSync(join(folder, 'pwned')));

test.each(variants(endings))('a command that ends in %j runs nothing', async (ending) => {
  const base = 'rsync --server';
  for (const command of [
    `${base} -vr . .${ending}`,
    `${base} --sender -vr . ${ending}`,
    `${base} -vr --suffix=${ending} . .`,
  ]) {
    await mallory.ssh([command]);
  }
  expect(isPwned()).toBe(false);
});

test('file names that a shell would act on are only names, sent and fetched', async () => {
  const names = endings.map((ending) => ending.replaceAll('/', '%'));
  putFiles(join(mallory.folder, 'names'), Object.fromEntries(names.map((name) => [name, 'x'])));
  const place = `${mallory.target}:names/`;
  expect(await mallory.rsync(['-a', 'names/', place])).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readdirSync(join(me.share, 'names')).sort()).toEqual([...names].sort());
  // A wildcard makes the shell in the sandbox see each of the names.
  expect(await mallory.rsync(['-a', `${place}*`, 'got/'])).toMatchObject({ exitCode: 0 });
  expect(listTree(join(mallory.folder, 'got'))).toEqual([...names].sort());
  const sources = names.map((name, i) => `${i === 0 ? mallory.target : ''}:names/${name}`);
  for (const options of ['-a', '-as']) {
    const target = `one${options}/`;
    expect(await mallory.rsync([options, ...sources, target])).toMatchObject({ exitCode: 0 });
    expect(listTree(join(mallory.folder, target))).toHaveLength(names.length);
  }
  expect(isPwned()).toBe(false);
  expect(findText(me.share, 'pwned').filter((name) => !name.startsWith('names/'))).toEqual([]);
});

test('the control: without pysync a separator runs a command, with it the command’s rsync runs', async () => {
  expect(await mallory.rsync(['-a', `${mallory.target}:hello.txt`, 'ok/'])).toMatchObject({
    exitCode: 0,
  });
  expect(readFileSync(join(mallory.folder, 'ok/hello.txt'), 'utf8')).toBe('hello\n');
  await trusted.ssh(['rsync --server -vr . .; touch pwned']);
  expect(isPwned()).toBe(true);
});
