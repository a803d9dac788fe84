/**
 * The attacker has no key, and opens connections to `pysync serve` by the hundred, new ones for those that
 * are closed: silent ones, with junk, with a greeting and nothing else, with long lines, or with a key
 * exchange. A good client has to get in within seconds, from the same address and from another one.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createHosts } from '../helpers/hosts.js';
import type { Hosts } from '../helpers/hosts.js';
import { createAccount } from '../helpers/account.js';
import { mustExec } from '../helpers/exec.js';
import type { ExecResult } from '../helpers/exec.js';
import { connectHostile } from '../helpers/hostile-ssh.js';
import type { HostileSsh } from '../helpers/hostile-ssh.js';
import type { Peer } from '../helpers/peer.js';
import { createServeScene, ownMemory, startServeProcess } from '../helpers/serve-process.js';
import type { ServeScene } from '../helpers/serve-process.js';
import { waitFor } from '../helpers/tmp.js';

let me: ServeScene;
let bob: Peer;
/** How long two clients at another address, which do not log in either, stay while others are flooding. */
let patient: readonly Promise<number>[];

beforeAll(async () => {
  me = await createServeScene();
  bob = await me.letIn('--name', 'bob');
  writeFileSync(join(bob.folder, 'file'), 'hello');
  const localAddress = '127.0.0.3';
  const half = await connectHostile({ port: me.serve.port, localAddress });
  const silent = connect({ port: me.serve.port, host: '127.0.0.1', localAddress }).resume();
  const since = Date.now();
  patient = [half.socket, silent].map(async (socket) => {
    await once(socket, 'close');
    return Date.now() - since;
  });
});

afterAll(() => me.remove());

/** Sends a file three times from `address`, and gives the milliseconds that the slowest took. */
async function slowest(address: string): Promise<number> {
  const remoteShellExtra = ['-b', address];
  let most = 0;
  for (let round = 0; round < 3; round += 1) {
    const since = Date.now();
    const result = await bob.rsync(['-a', 'file', `${bob.target}:`], { remoteShellExtra });
    expect(result).toMatchObject({ stderr: '', exitCode: 0 });
    most = Math.max(most, Date.now() - since);
  }
  return most;
}

/** Keeps `count` connections open from 127.0.0.1, of which each begins with `beginning`. */
function flood(count: number, beginning: Buffer | string): { readonly stop: () => void } {
  let isOver = false;
  const sockets = new Set<Socket>();
  const open = (): void => {
    const socket = connect({ port: me.serve.port, host: '127.0.0.1' });
    sockets.add(socket);
    socket.on('error', () => undefined).resume();
    socket.on('connect', () => socket.write(beginning));
    socket.on('close', () => {
      sockets.delete(socket);
      // As fast as one process can, but for a moment in which others have the processor.
      if (!isOver) setTimeout(open, 20);
    });
  };
  for (let i = 0; i < count; i += 1) open();
  return {
    stop: () => {
      isOver = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

test.each([
  ['say nothing', ''],
  ['send junk', randomBytes(20_000)],
  ['greet and stop', 'SSH-2.0-mallory\r\n'],
  ['send lines of 8 kB', `${'x'.repeat(8000)}\r\n`.repeat(3)],
])('500 connections that %s keep nobody out', async (_what, beginning) => {
  const engine = await me.serve.engine();
  const { stop } = flood(500, beginning);
  await delay(300);
  const times = [await slowest('127.0.0.1'), await slowest('127.0.0.2')];
  stop();
  expect(Math.max(...times)).toBeLessThan(8000);
  expect(ownMemory(engine)).toBeLessThan(120e6);
  expect(await me.serve.engine()).toBe(engine);
});

test('100 clients that exchange keys and stop keep nobody out', async () => {
  const clients: HostileSsh[] = [];
  let isOver = false;
  const keepOn = async (): Promise<void> => {
    while (!isOver) {
      const client = await connectHostile({ port: me.serve.port }).catch(() => undefined);
      if (client === undefined) continue;
      clients.push(client);
      if (clients.length > 100) await waitFor('its end', () => client.isClosed() || isOver, 25_000);
    }
  };
  const all = Array.from({ length: 4 }, keepOn);
  await waitFor('all of them', () => clients.length > 100, 20_000);
  const times = [await slowest('127.0.0.1'), await slowest('127.0.0.2')];
  isOver = true;
  for (const client of clients) client.end();
  await Promise.all(all);
  expect(Math.max(...times)).toBeLessThan(8000);
});

test('whoever does not log in has to go after 20 seconds, and not before in a flood', async () => {
  for (const took of await Promise.all(patient)) {
    expect(took).toBeGreaterThan(19_000);
    expect(took).toBeLessThan(25_000);
  }
});

test('twenty connections from a foreign network are reported once', async () => {
  const hosts: Hosts = await createHosts();
  const { receiver, sender } = hosts;
  // One account has one serve.
  const account = await createAccount();
  // Reachable, but of a network that is not the receiver's.
  await mustExec(['ip', '-netns', sender.netns, 'address', 'add', '10.99.1.7/32', 'dev', 'lo']);
  await mustExec([
    'ip',
    '-netns',
    receiver.netns,
    'route',
    'add',
    '10.99.1.7',
    'via',
    sender.address,
  ]);
  const serve = await startServeProcess({ account, netns: receiver.netns, port: 2222 });
  const script = `
    const [host, localAddress] = process.argv.slice(1);
    const talk = (left) => {
      const socket = require('node:net').connect({ host, localAddress, port: 2222 });
      let heard = '';
      socket.on('data', (data) => { heard += data; if (heard.length > 8) socket.destroy(); });
      socket.on('error', () => {});
      socket.on('close', () => { console.log(heard.slice(0, 8)); if (left > 1) talk(left - 1); });
    };
    talk(20);`;
  const talk = (from: string): Promise<ExecResult> =>
    sender.exec([inject('node'), '-e', script, receiver.address, from]);
  const foreign = await talk('10.99.1.7');
  const own = await talk(sender.address);
  const notices = serve.events().filter(({ event }) => event === 'notice');
  await serve.stop();
  await account.remove();
  await hosts.remove();
  expect(foreign.stdout).toBe('\n'.repeat(20));
  expect(own.stdout).toBe('SSH-2.0-\n'.repeat(20));
  const what = 'is not on a network of this machine';
  expect(notices).toEqual([{ event: 'notice', address: '10.99.1.7', what }]);
});
