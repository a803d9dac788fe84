/**
 * The attacker has a key that may send and fetch, and the receiver's sshd takes every variable a
 * client sends (`AcceptEnv *`; Debian's takes `LANG` and `LC_*`). It sends variables that change
 * what Node, sh and rsync do. None of them may have an effect behind the launcher.
 *
 * What no forced command can hinder: sshd starts the account's login shell with these variables
 * before anything of ours runs, so with `AcceptEnv *` a client can still make that shell load a
 * file it has sent before (`BASH_ENV`, `ENV`, `ZDOTDIR`, `LD_PRELOAD`, `LD_AUDIT`). Nobody should
 * have such an sshd; docs/security.md says so, and no test here claims otherwise.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, putFiles, said } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver({ acceptEnv: ['*'], multiplex: false });
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  me.write('public/hello.txt', 'hello\n');
  me.write('public/bin/rsync', '#!/bin/sh\ntouch ~/pwned\n');
  await me.account.run(['chmod', '-R', '755', 'public/bin']);
  for (const name of ['node', 'bwrap', 'env', 'touch', 'chmod', 'mv', 'sh']) {
    await me.account.run(['cp', 'public/bin/rsync', `public/bin/${name}`]);
  }
  me.write('public/evil.cjs', `require('fs').writeFileSync(${JSON.stringify(pwned())}, '')\n`);
  putFiles(mallory.folder, { 'evil.txt': 'evil\n' });
});

afterAll(() => me.remove());

const pwned = (): string => join(me.account.home, 'pwned');

/** A transfer of the peer's with these variables sent along. */
const transfer = (
  peer: Peer,
  env: Record<string, string>,
  args: string[],
): ReturnType<Peer['rsync']> => {
  const sent = Object.entries(env).map(([name, value]) => `SetEnv=${name}=${value}`);
  // ssh takes the first SetEnv only, but several in one.
  const option = sent.length === 0 ? [] : ['-o', `"${sent.join(' ').replaceAll(' SetEnv=', ' ')}"`];
  return peer.rsync(args, { remoteShellExtra: option });
};

test.each<[string, (share: string, home: string) => Record<string, string>]>([
  ['NODE_OPTIONS', (share) => ({ NODE_OPTIONS: `--require=${share}/evil.cjs` })],
  ['NODE_PATH', (share) => ({ NODE_PATH: share, NODE_REPL_EXTERNAL_MODULE: `${share}/evil.cjs` })],
  ['PATH', (share) => ({ PATH: `${share}/bin` })],
  ['HOME', (share) => ({ HOME: share, XDG_STATE_HOME: share, XDG_DATA_HOME: share })],
  ['RSYNC_*', () => ({ RSYNC_CHECKSUM_LIST: 'none-such', RSYNC_COMPRESS_LIST: 'none-such' })],
  ['RSYNC_PARTIAL_DIR', (_, home) => ({ RSYNC_PARTIAL_DIR: `${home}/private` })],
  ['LC_*', () => ({ LC_ALL: 'POSIX', LC_EVIL: 'x', LANG: 'C', LANGUAGE: 'de' })],
  ['IFS', () => ({ IFS: '/', PS4: '$(touch${IFS}pwned)', ENV: '/dev/null' })],
  ['CDPATH', (share) => ({ CDPATH: share, POSIXLY_CORRECT: '1', TMPDIR: share })],
  ['TZ', (_, home) => ({ TZ: `:${home}/private/diary.txt`, GCONV_PATH: home, LOCPATH: home })],
])('%s changes nothing', async (_name, variables) => {
  const before = me.outsideState();
  const env = variables(me.share, me.account.home);
  const sent = await transfer(mallory, env, ['-a', 'evil.txt', `${mallory.target}:got.txt`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readFileSync(join(me.share, 'got.txt'), 'utf8')).toBe('evil\n');
  expect(existsSync(pwned())).toBe(false);
  expect(me.outsideState()).toEqual(before);
});

test('the command itself and the address cannot be forged', async () => {
  const env = { SSH_ORIGINAL_COMMAND: 'forged', SSH_CONNECTION: '1.2.3.4' };
  const result = await transfer(mallory, env, ['-a', `${mallory.target}:hello.txt`, 'got/']);
  expect(result).toMatchObject({ stderr: '', exitCode: 0 });
  const log = me.logs().at(-1) ?? '';
  expect(log).toContain('"address":"127.0.0.1"');
  expect(log).not.toMatch(/forged|1\.2\.3\.4/);
});

test('without a command a sent one still goes through the same check', async () => {
  const sshOptions = ['-o', 'SetEnv=SSH_ORIGINAL_COMMAND=id'];
  const result = await mallory.ssh([], { sshOptions });
  expect(result.stderr).toMatch(/^pysync: this key is for/);
  expect(said(result)).not.toContain('uid=');
});

test('the control: the variables do arrive, and act where nothing clears them', async () => {
  const option = ['-o', 'SetEnv=LC_EVIL=yes RSYNC_CHECKSUM_LIST=none-such'];
  const { stdout } = await trusted.ssh(['env'], { sshOptions: option });
  expect(stdout).toMatch(/^LC_EVIL=yes$/m);
  const hindered = await transfer(trusted, { RSYNC_CHECKSUM_LIST: 'none-such' }, [
    '-a',
    `${trusted.target}:public/hello.txt`,
    'got/',
  ]);
  expect(hindered.exitCode).not.toBe(0);
  expect(findText(trusted.folder, 'hello')).toEqual([]);
  const node = await me.account.run([inject('node'), '-e', '0'], {
    env: { NODE_OPTIONS: `--require=${me.share}/evil.cjs` },
  });
  expect(node.exitCode).toBe(0);
  expect(existsSync(pwned())).toBe(true);
});
