/**
 * The attacker has a key that may send and fetch, or one that nobody knows, and leaves sessions of `pysync
 * serve` in ways that no client does. What it has started must end all the same, and others must not
 * notice: the process that speaks to the network carries their transfers, too.
 */
import { chmodSync, chownSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exec } from '../helpers/exec.js';
import { connectHostile, execIn, openSessionOf, types, uint32 } from '../helpers/hostile-ssh.js';
import type { HostileSsh } from '../helpers/hostile-ssh.js';
import type { Peer } from '../helpers/peer.js';
import { sshString } from '../helpers/plain-ssh.js';
import { createServeScene } from '../helpers/serve-process.js';
import type { ServeScene } from '../helpers/serve-process.js';
import { waitFor } from '../helpers/tmp.js';

let me: ServeScene;
let bob: Peer;
let mallory: Peer;
let unknown: Peer;
let engine: number;

/** Commands that end only when they are ended. */
const launcher = `#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
  sleeps*) exec sleep "\${SSH_ORIGINAL_COMMAND#sleeps }" ;;
  writes*) exec yes "\${SSH_ORIGINAL_COMMAND#writes }" ;;
esac
exec "$0.real" "$@"
`;

beforeAll(async () => {
  me = await createServeScene({ args: ['--pair'] });
  bob = await me.letIn('--name', 'bob');
  mallory = await me.letIn('--name', 'mallory');
  unknown = await me.stranger();
  const path = join(me.account.home, '.local/share/pysync/launcher');
  renameSync(path, `${path}.real`);
  writeFileSync(path, launcher);
  chmodSync(path, 0o755);
  chownSync(path, me.account.uid, me.account.gid);
  engine = await me.serve.engine();
});

afterAll(() => me.remove());

function login(peer = mallory): Promise<HostileSsh> {
  const key = readFileSync(peer.publicKeyFile.replace(/\.pub$/, ''));
  return connectHostile({ port: me.serve.port, key });
}

/** How many processes of the account were started by this command line. */
async function count(commandLine: string): Promise<number> {
  const { stdout } = await exec(['ps', '-o', 'args=', '-U', String(me.account.uid)]);
  return stdout.split('\n').filter((line) => line === commandLine).length;
}

async function started(commandLine: string): Promise<void> {
  await waitFor(commandLine, async () => (await count(commandLine)) === 1);
}

async function ended(commandLine: string): Promise<void> {
  await waitFor(`the end of ${commandLine}`, async () => (await count(commandLine)) === 0);
}

test.concurrent('a command ends with a session that is closed while nothing is read', async () => {
  const client = await login();
  const session = await openSessionOf(client, { window: 0 });
  execIn(client, session, 'sleeps 1001');
  const piece = sshString(Buffer.alloc(32_768));
  for (let i = 0; i < 64; i += 1) client.send(types.data, uint32(session), piece);
  await started('sleep 1001');
  client.send(types.close, uint32(session));
  await ended('sleep 1001');
  client.end();
});

test.concurrent('a command ends with a client that says goodbye and reads nothing', async () => {
  const client = await login();
  execIn(client, await openSessionOf(client), 'sleeps 1002');
  await started('sleep 1002');
  execIn(client, await openSessionOf(client, { window: 2 ** 31 }), 'writes 1002');
  await client.wait(types.data);
  client.socket.pause().end();
  await ended('yes 1002');
  await ended('sleep 1002');
  client.end();
});

test.concurrent('a second command of a session is not run', async () => {
  const client = await login();
  const session = await openSessionOf(client);
  client.send(types.request, uint32(session), sshString('shell'), 1);
  execIn(client, session, 'sleeps 1003');
  // Whatever became of it, the next client's command comes later.
  const next = await login();
  execIn(next, await openSessionOf(next), 'sleeps 1004');
  await started('sleep 1004');
  expect(await count('sleep 1003')).toBe(0);
  client.end();
  next.end();
  await ended('sleep 1004');
});

test.concurrent('commands end whose client is gone before they have begun', async () => {
  for (let round = 0; round < 10; round += 1) {
    const client = await login(bob);
    for (let i = 0; i < 4; i += 1) {
      const session = await openSessionOf(client);
      execIn(client, session, 'sleeps 1005');
      if (i > 1) client.send(types.close, uint32(session));
    }
    setTimeout(client.end, 10 * round);
    await client.closed();
  }
  await ended('sleep 1005');
  // Their room is free again, for as many as one key may have.
  const client = await login(bob);
  for (let i = 0; i < 10; i += 1) {
    execIn(client, await openSessionOf(client), `sleeps 1006.${i}`);
    await started(`sleep 1006.${i}`);
  }
  client.end();
  await ended('sleep 1006.9');
});

test.concurrent('strangers who leave while there is something to say end nobody else', async () => {
  for (let round = 0; round < 3; round += 1) {
    const knocks = me.serve.events().filter(({ event }) => event === 'knock').length;
    const client = await login(unknown);
    // Nothing can be said to it, so that all of it still waits when it leaves.
    execIn(client, await openSessionOf(client, { window: 0 }), 'rsync --server -vr . .');
    const ofKind = (kind: string): number =>
      me.serve.events().filter(({ event }) => event === kind).length;
    await waitFor('a knock', () => ofKind('knock') === knocks + 1);
    client.end();
    await waitFor('its end', () => ofKind('answer') === knocks + 1);
  }
});

test.concurrent('clients that are gone before they are answered end nobody else', async () => {
  for (let round = 0; round < 20; round += 1) {
    const client = await connectHostile({ port: me.serve.port });
    const user = [sshString('mallory'), sshString('ssh-connection')];
    const method = [sshString('keyboard-interactive'), sshString(''), sshString('')];
    client.send(types.authRequest, ...user, ...method);
    client.send(types.authRequest, ...user, sshString('none'));
    setTimeout(client.end, round);
    await client.closed();
  }
});

test('after all that it is still the same process, which serves others', async () => {
  expect(await me.serve.engine()).toBe(engine);
  // Nor has it only been saved from its end.
  const faults = me.serve.events().filter(({ what }) => String(what).includes('fault'));
  expect(faults).toEqual([]);
  writeFileSync(join(bob.folder, 'file'), 'hello');
  const pushed = await bob.rsync(['-a', 'file', `${bob.target}:`]);
  expect(pushed).toMatchObject({ stderr: '', exitCode: 0 });
});
