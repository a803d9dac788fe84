/**
 * The attacker has a key that may send and fetch, and offers the receiver its ssh agent and its
 * display (-A, -X, -Y): a forwarded agent or display is a socket and a cookie on the receiver, made
 * in the client's name. No such socket may be made, and nothing may be said to the gate of one.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mustExec } from '../helpers/exec.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver } from '../helpers/receiver.js';
import { openSession } from '../helpers/session.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;
let env: Record<string, string>;
let agent: string;

beforeAll(async () => {
  // xauth is not everywhere; sshd only asks whether it can be executed.
  const extraConfig = ['X11Forwarding yes', 'XAuthLocation /bin/true', 'X11UseLocalhost yes'];
  me = await createReceiver({ extraConfig, multiplex: false });
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  const socket = join(mallory.folder, 'agent');
  const { stdout } = await mustExec(['ssh-agent', '-s', '-a', socket]);
  agent = /SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1] ?? '';
  env = { SSH_AUTH_SOCK: socket, DISPLAY: ':7' };
});

afterAll(async () => {
  if (agent !== '') process.kill(Number(agent));
  await me.remove();
});

/** Sockets of forwarded agents, and of displays, that belong to the receiver's account. */
async function sockets(): Promise<string[]> {
  const { uid } = me.account;
  const { stdout } = await mustExec([
    'sh',
    '-c',
    `find /tmp -maxdepth 1 -name 'ssh-*' -uid ${uid}`,
  ]);
  return stdout.split('\n').filter((line) => line !== '');
}

/** A program of the account's that runs now, with all its environment. */
async function environments(pattern: string): Promise<string> {
  const { stdout } = await mustExec([
    'ps',
    '-ww',
    'e',
    '-o',
    'args=',
    '-U',
    String(me.account.uid),
  ]);
  return stdout
    .split('\n')
    .filter((line) => line.includes(pattern))
    .join('\n');
}

const options = ['-A', '-Y', '-o', 'XAuthLocation=/bin/true', '-o', 'IdentityAgent=SSH_AUTH_SOCK'];

test('an agent and a display that are offered are not taken', async () => {
  const command = 'rsync --server -se.LsfxCIvu';
  // ssh takes the first value it meets, and the peer's own says that there is no agent.
  const attacker: Peer = { ...mallory, remoteShell: withAgent(mallory) };
  const session = openSession(attacker, command, options, env);
  // The launcher's Node waits for the secluded words, with the session's environment above it.
  const shells = await waitFor('the gate to run', async () => {
    const found = await environments('/pysync/launcher');
    return found.includes('SSH_CONNECTION') && found;
  });
  expect(await sockets()).toEqual([]);
  expect(shells).not.toMatch(/SSH_AUTH_SOCK|DISPLAY/);
  await session.end();
});

test('the control: without pysync both are', async () => {
  const user: Peer = { ...trusted, remoteShell: withAgent(trusted) };
  const session = openSession(user, 'echo $SSH_AUTH_SOCK $DISPLAY; cat', options, env);
  await waitFor('the socket of the agent', async () => (await sockets()).length > 0);
  const shells = await waitFor('the display', async () => {
    const found = await environments('cat');
    return found.includes('DISPLAY=') && found;
  });
  expect(shells).toMatch(/DISPLAY=\S+:1\d/);
  await session.end();
  expect(existsSync(join(mallory.folder, 'agent'))).toBe(true);
});

function withAgent(peer: Peer): string {
  return peer.remoteShell.replace('IdentityAgent=none', 'IdentityAgent=SSH_AUTH_SOCK');
}
