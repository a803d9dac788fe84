/**
 * The attacker has a key that may send and fetch. It asks sshd for a subsystem (sftp, which the
 * server has, and others) or uses scp, shells and interpreters as commands. It must not get a file
 * listed, fetched or written, nor anything run.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exec } from '../helpers/exec.js';
import type { ExecResult } from '../helpers/exec.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, said } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver({ extraConfig: ['Subsystem printer /bin/cat'] });
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  me.write('public/hello.txt', 'hello\n');
});

afterAll(() => me.remove());

/** sftp or scp with the peer's key and server. */
function copy(
  peer: Peer,
  program: 'sftp' | 'scp',
  args: string[],
  input = '',
): Promise<ExecResult> {
  const options = peer.remoteShell.replace(/^ssh /, '').replace(/-p (\d+)/, '-P $1');
  // To these two -S is another option than to ssh.
  const words = options.replace(/-S (\S+)/, '-o ControlPath=$1').split(' ');
  return exec([program, ...words, ...args], { cwd: peer.folder, input });
}

test('sftp lists, fetches and writes nothing', async () => {
  const batch = `get private/diary.txt\nget public/hello.txt\nput id.pub public/put\nls\n`;
  const result = await copy(mallory, 'sftp', [mallory.target], batch);
  expect(result.exitCode).not.toBe(0);
  expect(said(result)).not.toContain('private');
  expect(readdirSync(mallory.folder)).not.toContain('hello.txt');
  expect(me.listShare()).toEqual(['hello.txt']);
});

test.each([['-s'], ['-O']])('scp %s fetches and writes nothing', async (protocol) => {
  const { folder, target } = mallory;
  await copy(mallory, 'scp', [protocol, `${target}:private/diary.txt`, folder]);
  await copy(mallory, 'scp', [protocol, `${target}:public/hello.txt`, folder]);
  await copy(mallory, 'scp', [protocol, join(folder, 'id.pub'), `${target}:public/put`]);
  expect(findText(folder, me.secret)).toEqual([]);
  expect(readdirSync(folder)).not.toContain('hello.txt');
  expect(me.listShare()).toEqual(['hello.txt']);
});

test.each(['sftp', 'internal-sftp', 'printer', 'netconf', 'rsync', 'rsync --server --daemon .'])(
  'the subsystem %s is no way in',
  async (name) => {
    const result = await mallory.ssh([name], { sshOptions: ['-s'], input: 'echo echo\n' });
    expect(result.stdout).toBe('');
    expect(result.exitCode).not.toBe(0);
  },
);

test.each(['id', 'sh', 'sh -c id', 'bash -i', 'cat private/diary.txt', 'true', 'rsync --version'])(
  'the command %s gets a friendly answer and nothing else',
  async (command) => {
    const result = await mallory.ssh([command], { input: 'id\ncat private/diary.txt\n' });
    expect(result.stdout).toBe('');
    expect(result.stderr).toMatch(/^pysync: this key is for .*\n {2}rsync -avP .*\n$/);
    expect(result.exitCode).toBe(1);
  },
);

test('the control: without pysync sftp, scp and the subsystem work', async () => {
  await copy(trusted, 'sftp', [trusted.target], 'get private/diary.txt\n');
  expect(findText(trusted.folder, me.secret)).toEqual(['diary.txt']);
  await copy(trusted, 'scp', [`${trusted.target}:public/hello.txt`, trusted.folder]);
  expect(existsSync(join(trusted.folder, 'hello.txt'))).toBe(true);
  const result = await trusted.ssh(['printer'], { sshOptions: ['-s'], input: 'echo\n' });
  expect(result.stdout).toBe('echo\n');
});
