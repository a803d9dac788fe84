/**
 * The attacker has a key that may send and fetch. It asks ssh for tunnels through the receiver: to
 * a service that only listens there (-L, -D, -W), from a port of the receiver's to its own machine
 * (-R), and for a network device (-w). It must not get a byte through, nor a port opened.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mustExec } from '../helpers/exec.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, said } from '../helpers/receiver.js';

const banner = 'a service that only this machine may use\n';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;
let service: Server;
let port: number;

beforeAll(async () => {
  const extraConfig = ['PermitTunnel yes', 'AllowStreamLocalForwarding yes'];
  me = await createReceiver({ extraConfig, multiplex: false });
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  service = createServer((connection) => connection.end(banner));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  port = (service.address() as AddressInfo).port;
});

afterAll(async () => {
  service.close();
  await me.remove();
});

/** Connects to a socket of ssh's, says `greeting`, and gives what comes back until it closes. */
function talk(path: string, greeting: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const connection = connect(path, () => connection.write(greeting));
    connection.on('data', (data) => (heard += data.toString('latin1')));
    connection.on('error', () => undefined);
    connection.on('close', () => {
      resolve(heard);
    });
  });
}

/** What comes through a forwarding of the service to a socket in the peer's folder. */
async function hear(peer: Peer, option: '-L' | '-D', greeting: number[]): Promise<string> {
  const local = join(peer.folder, `forward${option}`);
  const control = ['-S', `${local}.control`];
  const value = option === '-L' ? `${local}:127.0.0.1:${port}` : local;
  const ssh = peer.remoteShell.split(' ');
  await mustExec([...ssh, ...control, '-M', '-N', '-f', option, value, peer.target], {
    cwd: peer.folder,
  });
  const heard = await talk(local, Buffer.from(greeting));
  await mustExec([...ssh, ...control, '-O', 'exit', peer.target]);
  return heard;
}

test('nothing comes through -W', async () => {
  const through = (peer: Peer): ReturnType<Peer['ssh']> =>
    peer.ssh([], { sshOptions: ['-W', `127.0.0.1:${port}`] });
  const result = await through(mallory);
  expect(said(result)).not.toContain(banner);
  expect(result.exitCode).toBe(255);
  expect((await through(trusted)).stdout).toBe(banner);
});

test('nothing comes through -L', async () => {
  expect(await hear(mallory, '-L', [])).not.toContain(banner);
  expect(await hear(trusted, '-L', [])).toContain(banner);
});

test('nothing comes through -D', async () => {
  // SOCKS 5: no password, then a connection to the service (RFC 1928).
  const greeting = [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255];
  expect(await hear(mallory, '-D', greeting)).not.toContain(banner);
  expect(await hear(trusted, '-D', greeting)).toContain(banner);
});

test.each([
  ['-R of a port', ['-R', '127.0.0.1:0:127.0.0.1:1']],
  ['-R of a socket', ['-R', 'HOME/forwarded.sock:127.0.0.1:1']],
  ['-w', ['-w', 'any:any']],
])('%s opens nothing', async (_what, options) => {
  const sshOptions = ['-o', 'ExitOnForwardFailure=yes'];
  const words = options.map((option) => option.replace('HOME', me.account.home));
  const attempt = (peer: Peer): ReturnType<Peer['ssh']> =>
    peer.ssh(['rsync --server -vr . .'], { sshOptions: [...sshOptions, ...words] });
  const devices = async (): Promise<string> => (await mustExec(['ip', '-o', 'link'])).stdout;
  const before = await devices();
  expect((await attempt(mallory)).exitCode).toBe(255);
  expect(await devices()).toBe(before);
  // The control, but for -w, which needs more than this machine may have.
  if (!words.includes('-w')) expect((await attempt(trusted)).exitCode).not.toBe(255);
});
