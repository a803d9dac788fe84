/** That a login with the real client of OpenSSH waits for no acknowledgement (src/server/engine/nagle.ts). */
import { expect, it } from 'vitest';
import type { Socket } from 'node:net';
import { answerAtOnce } from '../../../src/server/engine/nagle.js';
import { exec } from '../../helpers/exec.js';
import { startBareServer } from '../../helpers/ssh2-server.js';

it('answers NEWKEYS of OpenSSH with something that it ignores', async () => {
  const server = await startBareServer(['curve25519-sha256'], (connection) => {
    const { _sock: socket } = connection as unknown as { readonly _sock: Socket };
    answerAtOnce(connection, socket, 'OpenSSH_9.2p1');
  });
  const { exitCode, stdout, stderr } = await exec([
    ...['ssh', '-vvv', '-F', 'none', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'],
    ...['-o', 'UserKnownHostsFile=/dev/null', '-p', String(server.port), 'bob@127.0.0.1', 'greet'],
  ]);
  server.close();
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'hello' });
  const steps = ['SSH2_MSG_NEWKEYS sent', 'SSH2_MSG_IGNORE', 'SSH2_MSG_SERVICE_ACCEPT'];
  const lines = stderr.split('\n');
  const at = steps.map((step) => lines.findIndex((line) => line.includes(step)));
  expect(at).not.toContain(-1);
  expect(at).toEqual(at.toSorted((a, b) => a - b));
  expect(server.errors).toEqual([]);
});
