/** The process that speaks to the network, without its sandbox, and with the test as its host. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { descriptorOf } from '../../../src/server/listening.js';
import type { ToEngine, ToHost } from '../../../src/server/messages.js';
import { createTemporaryFolder, waitFor } from '../../helpers/tmp.js';

/** A fault as ssh2 might have it: it comes when nobody waits for it any more. */
const fault = `
const { Socket } = require('node:net');
const { push } = Socket.prototype;
Socket.prototype.push = function (data, ...rest) {
  if (data?.includes('fault')) setImmediate(() => { throw new Error('of a test'); });
  return push.call(this, data, ...rest);
};
`;

let engine: ChildProcess;
let port: number;
const heard: ToHost[] = [];

beforeAll(async () => {
  const preloaded = join(createTemporaryFolder().path, 'fault.cjs');
  writeFileSync(preloaded, fault);
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
  const main = join(inject('program'), 'dist/server/engine/main.js');
  engine = spawn(inject('node'), ['--require', preloaded, main], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc', descriptorOf(server)],
  });
  server.close();
  engine.on('message', (message: ToHost) => heard.push(message));
  const start: ToEngine = {
    kind: 'start',
    hostKey: ssh2.utils.generateKeyPairSync('ed25519').private,
    networks: [],
    pairs: false,
    takesCode: false,
  };
  engine.send(start);
  await waitFor('it to listen', () => heard.some(({ kind }) => kind === 'ready'));
});

afterAll(() => engine.kill());

async function connected(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'data');
  return socket;
}

it('carries on after a fault that one connection has run into', async () => {
  const other = await connected();
  const socket = await connected();
  socket.write('fault');
  const notice = await waitFor('a notice', () => heard.find(({ kind }) => kind === 'notice'));
  expect(notice).toMatchObject({
    address: 'pysync',
    what: 'has a fault that one connection ran into: Error: of a test',
  });
  // It hears whoever was connected before, and whoever comes now.
  for (const client of [other, await connected()]) {
    client.write('SSH-2.0-test\r\n');
    const [data] = (await once(client, 'data')) as [Buffer];
    expect(data.includes('curve25519-sha256')).toBe(true);
    client.destroy();
  }
  expect(engine.exitCode).toBeNull();
});
