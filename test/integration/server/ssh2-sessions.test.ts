/**
 * The patches that ssh2 gets (patches/README.md) for what happens in sessions, tried by a client that
 * keeps to no rule. Each test fails with an ssh2 that lacks the patch.
 */
import ssh2 from 'ssh2';
import { afterEach, expect, it } from 'vitest';
import { connectHostile, execIn, openSessionOf, types, uint32 } from '../../helpers/hostile-ssh.js';
import type { HostileSsh } from '../../helpers/hostile-ssh.js';
import { sshString, sshStrings } from '../../helpers/plain-ssh.js';
import type { BareServer } from '../../helpers/ssh2-server.js';
import { startBareServer } from '../../helpers/ssh2-server.js';
import { waitFor } from '../../helpers/tmp.js';

const key = ssh2.utils.generateKeyPairSync('ed25519').private;

const atEnd: (() => void)[] = [];
afterEach(() => {
  for (const close of atEnd.splice(0)) close();
});

async function start(): Promise<{ server: BareServer; client: HostileSsh }> {
  const server = await startBareServer(['curve25519-sha256']);
  const client = await connectHostile({ port: server.port, key });
  atEnd.push(server.close, client.end);
  return { server, client };
}

it('host-keys-of-clients: reads no host keys of a client', async () => {
  const { client } = await start();
  // Takes 0.2 seconds to be read as a key.
  const text = [
    '---- BEGIN SSH2 PUBLIC KEY ----',
    'a: b\n'.repeat(6900),
    '---- END SSH2 PUBLIC KEY ----',
  ].join('\n');
  const since = Date.now();
  for (let sent = 0; sent < 20; sent += 1) {
    client.send(types.globalRequest, sshString('hostkeys-00@openssh.com'), 0, sshString(text));
  }
  client.send(types.globalRequest, sshString('are you there?'), 1);
  await client.wait(types.requestFailure);
  expect(Date.now() - since).toBeLessThan(1500);
});

it('close-without-command: closes a session in which nothing has run', async () => {
  const { client } = await start();
  for (const session of [0, 1, 2]) {
    expect(await openSessionOf(client)).toBe(session);
    client.send(types.close, uint32(session));
    expect((await client.wait(types.close, session)).readUInt32BE(1)).toBe(session);
  }
  // It is gone: a command in it is not answered, and one in the next session is.
  execIn(client, 0, 'greet');
  execIn(client, await openSessionOf(client), 'greet');
  await client.wait(types.data);
  expect(client.received().filter(([type]) => type === types.requestSucceeded)).toHaveLength(1);
});

it('waiting-output: sends all of output and errors once, however small the window is', async () => {
  const { server, client } = await start();
  const session = await openSessionOf(client, { window: 0 });
  execIn(client, session, 'two streams');
  const channel = await waitFor('the command', () => server.channels[0]);

  const expected: [string, string] = ['', ''];
  for (let round = 0; round < 20; round += 1) {
    channel.write(`o${round} `);
    channel.stderr.write(`e${round} `);
    expected[0] += `o${round} `;
    expected[1] += `e${round} `;
  }
  const received = (type: number): string =>
    client
      .received()
      .filter(([first]) => first === type)
      .map((payload) => sshStrings(payload.subarray(type === types.data ? 5 : 9)).join(''))
      .join('');
  const lengthOf = (texts: readonly string[]): number => texts.join('').length;
  const both = (): string[] => [received(types.data), received(types.extendedData)];
  // Never enough for one of the two.
  for (let granted = 0; granted < lengthOf(expected) + 20; granted += 2) {
    client.send(types.windowAdjust, uint32(session), uint32(2));
    await waitFor('what the window allows', () => {
      return lengthOf(both()) >= Math.min(granted + 2, lengthOf(expected));
    });
  }
  expect(both()).toEqual(expected);
});
