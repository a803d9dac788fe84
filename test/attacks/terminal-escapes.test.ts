/**
 * The attacker chooses the comment of its key, the name of the file it comes in, and names of files
 * and folders it sends. It puts escape sequences, line breaks and right-to-left marks in them, which
 * a terminal obeys. Nothing that pysync prints may have one, and nothing may look like a line of
 * pysync's that is none.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExecResult } from '../helpers/exec.js';
import { createPeer } from '../helpers/peer.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles, said } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let key: string;

const evil =
  '\u001b[2J\u001b]0;pwned\u0007\u009b31m\u202egnp.exe\u2066\u200b\u0085 root SHA256:fake';

beforeAll(async () => {
  me = await createReceiver();
  mallory = await createPeer(me);
  key = mallory.publicKey.split(' ').slice(0, 2).join(' ');
});

afterAll(async () => {
  await me.remove();
  mallory.remove();
});

/** Control, format and separator characters, but for the newline at the end of each line. */
const obeyed = /[^\P{C}\n]|\p{Zl}|\p{Zp}/u;

function expectPlain(result: ExecResult, what: string): void {
  expect(said(result), what).not.toMatch(obeyed);
}

test('an import shows the comment, the file and what is wrong with it harmlessly', async () => {
  const name = `key${evil}\n.pub`.replaceAll('/', '-');
  me.write(name, `${key} ${evil}\nssh-rsa AAAA ${evil}\n${evil}\n`);
  me.write(`private${evil}`, `-----BEGIN OPENSSH PRIVATE KEY-----\n${evil}\n`);
  for (const args of [
    ['-i', name, '--dry-run'],
    ['-i', name],
    ['-i', name, '--json'],
    ['-i', `private${evil}`],
    ['-i', `missing${evil}`],
    ['-i', `file:${evil}`],
    ['-i', `${key} ${evil}`],
    ['-i', `ssh-rsa AAAA ${evil}`],
    ['-i', 'bob', '--name', evil],
    ['-i', key, '--from', evil],
    ['-i', key, '--expires', evil],
    ['-i', key, '--access', evil],
    ['-i', key, '--dir', `/etc/${evil}`],
    ['-i', key, '--confine', evil],
    [`--${evil}`],
    [evil],
  ]) {
    expectPlain(await me.account.pysync(args), args.join(' '));
  }
});

test('the lists show what was imported harmlessly, and each key on one line', async () => {
  me.write('mallory.pub', `${key} ${evil}\n`);
  expect((await me.account.pysync(['-i', 'mallory.pub', '--dir', 'public'])).exitCode).toBe(0);
  putFiles(mallory.folder, { [`tree/${evil.replaceAll('/', '-')}/\npysync`]: 'x' });
  const sent = await mallory.rsync(['-a', 'tree/', `${mallory.target}:`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  for (const args of [['keys'], ['status'], [], ['keys', '--json'], ['status', '--json']]) {
    expectPlain(await me.account.pysync(args), args.join(' '));
  }
  const { stdout } = await me.account.pysync(['keys']);
  expect(stdout.trimEnd().split('\n')).toHaveLength(2);
});

test('what was refused, explained or not found is shown harmlessly', async () => {
  for (const args of [
    ['explain', `rsync --server -vr . ${evil}`],
    ['explain', `rsync --server --${evil} . .`],
    ['explain', `rsync --server -vr . '../${evil}'`],
    ['explain', `rsync --server --suffix=/${evil} . .`],
    ['explain', evil],
    ['explain', `rsync --server -vr . ${evil}`, '--json'],
    ['explain', 'rsync --server -vr . .', '--dir', `/etc/${evil}`],
    ['revoke', evil],
    ['config', evil],
    ['config', 'github-api-url', evil],
    ['keys', evil],
  ]) {
    expectPlain(await me.account.pysync(args), args.join(' '));
  }
});

test('what the gate tells a sender about its own command is harmless too', async () => {
  for (const command of [
    `rsync --server -vr . '../${evil}'`,
    `rsync --server --${evil.replaceAll(' ', '')} . .`,
    `rsync --server --suffix=/${evil.replaceAll(' ', '')} . .`,
    evil,
  ]) {
    const result = await mallory.ssh([command]);
    expect(result.stderr).toMatch(/^pysync: /);
    expectPlain(result, command);
  }
});

test('the control: the comment’s harmless part and other scripts are shown as they are', async () => {
  const imported = await me.account.pysync(['-i', `${key} Zoë 東京`, '--dir', 'public']);
  expect(imported.stdout).toContain('Zoë 東京');
  expect(evil).toMatch(obeyed);
});
