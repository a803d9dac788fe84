/**
 * The attacker has a key, and waits for the day on which something of the receiver's is gone or
 * broken: the launcher, Node, pysync's programs, bubblewrap, the state folder. What was replaced or moved
 * is found again (test/integration/session/upgrades.test.ts).
 * It must be served nothing then, least of all without a sandbox, and be told so in a sentence.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { findTool } from '../../src/system/tools.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, isServed, putFiles, said } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let launcher: string;
let settings: string;
let texts: readonly string[];

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  me.write('public/hello.txt', 'hello\n');
  putFiles(mallory.folder, { 'evil.txt': 'evil\n' });
  launcher = join(me.account.home, '.local/share/pysync/launcher');
  settings = join(me.account.home, '.local/share/pysync/settings.json');
  texts = [launcher, settings].map((path) => readFileSync(path, 'utf8'));
});

afterEach(() => {
  for (const [i, path] of [launcher, settings].entries()) writeFileSync(path, texts[i] ?? '');
});

afterAll(() => me.remove());

/** Nothing is served in either direction; what the sender was told. */
async function expectNothingServed(): Promise<string> {
  const pulled = await mallory.rsync(['-a', `${mallory.target}:hello.txt`, 'got/']);
  const pushed = await mallory.rsync(['-a', 'evil.txt', `${mallory.target}:`]);
  const listed = await mallory.rsync(['-s', '--list-only', `${mallory.target}:`]);
  expect([pulled, pushed, listed].map(({ exitCode }) => exitCode)).not.toContain(0);
  expect(findText(mallory.folder, 'hello')).toEqual([]);
  expect(me.listShare()).toEqual(['hello.txt']);
  return said(pulled) + said(pushed) + said(listed);
}

/** Changes what the launcher says of itself: `name` is one of its variables. */
function changeLauncher(name: string, value: string): void {
  const [text = ''] = texts;
  const changed = text.replace(new RegExp(`^${name}=.*$`, 'm'), `${name}=${value}`);
  expect(changed).not.toBe(text);
  writeFileSync(launcher, changed);
}

function changeSettings(changes: Readonly<Record<string, unknown>>): void {
  const before = JSON.parse(texts[1] ?? '') as Record<string, unknown>;
  for (const name of Object.keys(changes)) expect(before).toHaveProperty(name);
  writeFileSync(settings, JSON.stringify({ ...before, ...changes }));
}

/** A program of the receiver's, for the place of another. */
async function stub(name: string, script: string): Promise<string> {
  const path = me.write(`stubs/${name}`, `#!/bin/sh\n${script}\n`);
  await me.account.run(['chmod', '755', path]);
  return path;
}

const sentence = 'pysync: the receiving side has a problem';

test('without the launcher nothing is served', async () => {
  writeFileSync(launcher, '');
  await expectNothingServed();
  await me.account.run(['mv', launcher, `${launcher}.away`]);
  // With sshd it is the login shell that has not found it.
  expect(await expectNothingServed()).toMatch(
    isServed ? new RegExp(sentence) : /No such file|not found/,
  );
  await me.account.run(['mv', `${launcher}.away`, launcher]);
});

test('without the file with the keys nothing is served', async () => {
  changeSettings({ authorizedKeys: '/nowhere/keys' });
  const told = await expectNothingServed();
  expect(told).toContain(sentence);
  expect(told).not.toContain(me.account.home);
});

test.each([
  ['the folder of the logs', 'state'],
  ['the folder of the settings', 'data'],
  ['the programs', 'program'],
])('without %s nothing is served', async (_what, name) => {
  changeLauncher(name, '/nowhere/there');
  const told = await expectNothingServed();
  expect(told).toContain(sentence);
  expect(told).not.toContain(me.account.home);
});

test('without Node nothing is served', async () => {
  const [text = ''] = texts;
  changeLauncher('node', '/nowhere/node');
  const changed = readFileSync(launcher, 'utf8').replace(
    /for other in .*;/,
    'for other in /x/node;',
  );
  expect(changed).not.toBe(text);
  writeFileSync(launcher, changed);
  expect(await expectNothingServed()).toContain(sentence);
});

test.each([
  ['refuses a namespace', 'echo "bwrap: No permissions to create new namespace" >&2; exit 1'],
  ['is killed', 'kill -9 $$'],
  ['does nothing and says it went well', 'exit 0'],
])('where bubblewrap %s nothing is served', async (what, script) => {
  changeSettings({ bwrap: await stub(`bwrap-${what.length}`, script) });
  const told = await expectNothingServed();
  expect(told).not.toContain(me.account.home);
  if (script !== 'exit 0') expect(told).toContain(sentence);
});

test.each([
  ['crashes', 'kill -SEGV $$'],
  ['says nothing', 'exit 0'],
  ['prints what is no plan', 'echo touch pwned; echo "; touch pwned"'],
  ['prints and fails', `echo '/tmp/l /tmp/e . "" "" $(touch pwned)'; exit 1`],
])('where node %s nothing is served', async (what, script) => {
  changeLauncher('node', await stub(`node-${what.length}`, script));
  await expectNothingServed();
  expect((await me.account.run(['ls'])).stdout).not.toContain('pwned');
});

test('the control: with everything in its place it is served', async () => {
  expect(findTool('bwrap')).not.toBe('');
  const pulled = await mallory.rsync(['-a', `${mallory.target}:hello.txt`, 'ok/']);
  expect(pulled).toMatchObject({ stderr: '', exitCode: 0 });
  expect(findText(mallory.folder, 'hello')).toEqual(['ok/hello.txt']);
});
