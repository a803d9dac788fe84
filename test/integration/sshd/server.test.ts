/** Which addresses of this machine are asked for an ssh server, by its configuration. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { findSshServer } from '../../../src/sshd/server.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';

let server: Server | undefined;

afterEach(() => {
  server?.close();
  vi.unstubAllEnvs();
});

/** Whether a server on this address is found by these lines of its configuration. */
async function isFound(address: string, ...lines: string[]): Promise<boolean> {
  const made = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('SSH-2.0-OpenSSH_9.2\r\n');
  });
  server = made.listen(0, address);
  await once(made, 'listening');
  const { port } = made.address() as AddressInfo;
  const folder = createTemporaryFolder().path;
  const config = join(folder, 'sshd_config');
  writeFileSync(config, [`Port ${port}`, ...lines, ''].join('\n'));
  vi.stubEnv('PYSYNC_SSHD_CONFIG', config);
  return (await findSshServer(folder)).listens;
}

test.each([
  ['127.0.0.1', []],
  ['127.0.0.1', ['AddressFamily inet']],
  ['::1', ['AddressFamily inet6']],
  ['::1', ['ListenAddress ::1']],
  ['127.0.0.2', ['ListenAddress 127.0.0.2']],
])('one on %s is found with %j', async (address, lines) => {
  expect(await isFound(address, ...lines)).toBe(true);
});

test('one where the configuration has none is not found', async () => {
  expect(await isFound('127.0.0.2')).toBe(false);
});
