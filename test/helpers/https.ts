/** An https server on the loopback, with a certificate of its own that only its tests trust. */
import { createServer, type Server } from 'node:https';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach } from 'vitest';
import { selfSigned } from './certificate.js';

const servers: Server[] = [];

function closeAll(): void {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
}

afterEach(() => {
  trustAllServers(false);
});
afterAll(closeAll);

/** Answers each request with `listener` until the tests of the file have ended. */
export async function serveHttps(listener: RequestListener): Promise<string> {
  const server = createServer(selfSigned(), listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Whether this process takes any certificate, until the test has ended. */
export function trustAllServers(isOn: boolean): void {
  if (isOn) process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  else delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
}
