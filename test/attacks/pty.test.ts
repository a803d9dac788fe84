/**
 * The attacker has a key that may send and fetch. It asks for a terminal (-t, -tt), with which it
 * could send control characters to what runs, and read what is typed there. No terminal may be
 * made for it.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { mustExec } from '../helpers/exec.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, said } from '../helpers/receiver.js';
import { openSession } from '../helpers/session.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver({ multiplex: true });
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
});

// On a connection that is open already ssh goes on when it is refused a terminal; else it gives up.
beforeEach(async () => {
  await mallory.ssh([]);
});

afterAll(() => me.remove());

/** The terminals of the account's processes, and the processes: `? sh /home/…/gate …`. */
async function processes(): Promise<string[]> {
  const { stdout } = await mustExec(['ps', '-o', 'tty=,args=', '-U', String(me.account.uid)]);
  return stdout.split('\n').filter((line) => line !== '' && !line.includes('sshd:'));
}

test('a session that asks for a terminal gets none', async () => {
  const session = openSession(mallory, 'rsync --server -se.LsfxCIvu', ['-tt']);
  const running = await waitFor('the gate to run', async () => {
    const found = await processes();
    return found.some((line) => line.includes('/launcher')) && found;
  });
  expect(running.filter((line) => !line.startsWith('?'))).toEqual([]);
  await mallory.ssh([], { sshOptions: ['-O', 'exit'] });
  await session.end();
});

test('a shell on a terminal gets neither', async () => {
  const result = await mallory.ssh([], { sshOptions: ['-tt'], input: 'id\nexit\n' });
  expect(result.stderr).toContain('PTY allocation request failed');
  expect(said(result)).not.toContain('uid=');
  expect(result.exitCode).not.toBe(0);
});

test('the control: without pysync there is a terminal', async () => {
  const result = await trusted.ssh(['tty'], { sshOptions: ['-tt'] });
  expect(result.stdout).toMatch(/^\/dev\/pts\/\d+/);
});
