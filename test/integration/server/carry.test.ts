/** The bytes of a command, between a real ssh channel and the sockets of a program that this test is. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import type { ClientChannel } from 'ssh2';
import { afterEach, describe, expect, it } from 'vitest';
import { carry } from '../../../src/server/engine/carry.js';
import type { Carried } from '../../../src/server/engine/carry.js';
import { startBareServer } from '../../helpers/ssh2-server.js';
import { createTemporaryFolder, waitFor } from '../../helpers/tmp.js';

const mebibyte = 1024 * 1024;

const atEnd: (() => void)[] = [];
afterEach(() => {
  for (const close of atEnd.splice(0)) close();
});

interface Carrying {
  readonly carried: Carried;
  /** Changes to new keys, and resolves when both sides have. */
  readonly rekey: () => Promise<void>;
  readonly client: ClientChannel;
  /** The command's ends of its input, output and errors. */
  readonly command: readonly Socket[];
}

async function startCarrying(): Promise<Carrying> {
  const path = join(createTemporaryFolder().path, 'command');
  const command: Socket[] = [];
  const sockets = createServer({ allowHalfOpen: true }, (socket) => command.push(socket));
  await listening(sockets.listen(path));
  const server = await startBareServer(['curve25519-sha256']);
  const client = new ssh2.Client();
  atEnd.push(
    server.close,
    () => client.destroy(),
    () => sockets.close(),
  );
  client.connect({ port: server.port, host: '127.0.0.1', username: 'bob' });
  await once(client, 'ready');
  client.on('error', () => undefined);
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.exec('command', (error, opened) => {
      if (error === undefined) resolve(opened);
      else reject(error);
    });
  });
  const [connection] = server.connections;
  const [served] = server.channels;
  if (connection === undefined || served === undefined) throw new Error('no channel');
  const carried = await carry(connection, served, path);
  await waitFor('three connections', () => command.length === 3);
  atEnd.push(carried.close);
  const { _protocol: protocol } = client as unknown as { _protocol: { rekey: () => void } };
  return {
    carried,
    rekey: async () => {
      protocol.rekey();
      await once(client, 'handshake');
    },
    client: channel,
    command,
  };
}

async function listening(server: Server): Promise<void> {
  await once(server, 'listening');
}

describe('the output of a command', () => {
  it.each(['output', 'errors'])('arrives whole, also through new keys (%s)', async (name) => {
    const { carried, client, command, rekey } = await startCarrying();
    const sent = randomBytes(16 * mebibyte);
    const received: Buffer[] = [];
    const from = name === 'output' ? client : client.stderr;
    from.on('data', (data: Buffer) => {
      if (received.length % 100 === 50) void rekey();
      received.push(data);
    });
    command[name === 'output' ? 1 : 2]?.write(sent);
    for (const socket of command) socket.end();
    await carried.drained;
    await waitFor('all of it', () => Buffer.concat(received).length >= sent.length);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
  });

  it('waits where the client does not read, and arrives whole when it does', async () => {
    const { carried, client, command, rekey } = await startCarrying();
    const sent = randomBytes(32 * mebibyte);
    const [, output] = command;
    let sentBytes = 0;
    // Piece by piece, so that it can be seen how much was taken.
    for (let at = 0; at < sent.length; at += mebibyte) {
      output?.write(sent.subarray(at, at + mebibyte), () => (sentBytes += mebibyte));
    }
    await waitFor('the window to be full', () => client.readableLength >= 2 * mebibyte);
    // Each is some round trips, in which what does not wait would send on.
    for (let i = 0; i < 5; i += 1) await rekey();
    // Beside the window there is what the sockets of the system hold.
    expect(sentBytes).toBeLessThanOrEqual(4 * mebibyte);
    const received: Buffer[] = [];
    client.on('data', (data: Buffer) => received.push(data));
    for (const socket of command) socket.end();
    await carried.drained;
    await waitFor('all of it', () => Buffer.concat(received).length >= sent.length);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
  });
});

it('ends the input of a command with that of the client, and not its output', async () => {
  const { client, command } = await startCarrying();
  const [input, output] = command;
  const received: Buffer[] = [];
  input?.on('data', (data: Buffer) => received.push(data));
  client.end('all of it');
  if (input !== undefined) await once(input, 'end');
  expect(Buffer.concat(received).toString()).toBe('all of it');
  output?.end('an answer');
  const [answer] = (await once(client, 'data')) as [Buffer];
  expect(answer.toString()).toBe('an answer');
});
