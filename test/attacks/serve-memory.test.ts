/**
 * The attacker has a key that may send and fetch, or none, and speaks ssh to `pysync serve` as no client
 * does: it sends what nobody reads, asks for what it does not read, opens and never closes, announces
 * what does not follow. The process that speaks to the network must neither end nor have more than 120 MB
 * of its own, and others must get through meanwhile.
 */
import { chmodSync, chownSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectHostile, execIn, openSessionOf, types, uint32 } from '../helpers/hostile-ssh.js';
import type { HostileSsh, Message } from '../helpers/hostile-ssh.js';
import type { Peer } from '../helpers/peer.js';
import { connectPlainSsh, sshString } from '../helpers/plain-ssh.js';
import { createServeScene, watchMemory } from '../helpers/serve-process.js';
import type { ServeScene } from '../helpers/serve-process.js';
import { waitFor } from '../helpers/tmp.js';

const most = 120e6;
const hugeWindow = 3.5 * 2 ** 30;

let me: ServeScene;
let bob: Peer;
let mallory: Peer;
const clients: HostileSsh[] = [];

/** Commands of the attacker's choice, which rsync would run for none: what they do is the worst of it. */
const launcher = `#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
  'reads nothing') while printf .; do sleep 0.2; done; exit ;;
  'writes') exec yes ;;
  'writes errors') exec yes >&2 ;;
esac
exec "$0.real" "$@"
`;

beforeAll(async () => {
  me = await createServeScene({ args: ['--pair', '--code'] });
  bob = await me.letIn('--name', 'bob');
  mallory = await me.letIn('--name', 'mallory');
  const path = join(me.account.home, '.local/share/pysync/launcher');
  renameSync(path, `${path}.real`);
  writeFileSync(path, launcher);
  chmodSync(path, 0o755);
  chownSync(path, me.account.uid, me.account.gid);
  writeFileSync(join(bob.folder, 'file'), 'hello');
});

afterAll(async () => {
  for (const client of clients) client.end();
  await me.remove();
});

async function stranger(): Promise<HostileSsh> {
  const client = await connectHostile({ port: me.serve.port });
  clients.push(client);
  return client;
}

async function login(): Promise<HostileSsh> {
  const key = readFileSync(mallory.publicKeyFile.replace(/\.pub$/, ''));
  const client = await connectHostile({ port: me.serve.port, key });
  clients.push(client);
  return client;
}

async function getsThrough(): Promise<void> {
  const pushed = await bob.rsync(['-a', 'file', `${bob.target}:`], { timeoutMs: 15_000 });
  expect(pushed).toMatchObject({ stderr: '', exitCode: 0 });
}

/** Runs an attack, at whose height bob sends a file, and looks at what it takes. */
async function endure(attack: (atItsHeight: () => Promise<void>) => Promise<void>): Promise<void> {
  const engine = await me.serve.engine();
  const memory = watchMemory(engine);
  try {
    await attack(getsThrough);
  } finally {
    for (const client of clients.splice(0)) client.end();
  }
  const taken = memory.stop();
  await getsThrough();
  expect(await me.serve.engine()).toBe(engine);
  expect(taken).toBeLessThan(most);
}

/** Sends `mostBytes`; less where the server closes the connection or takes no more. */
async function sendOn(client: HostileSsh, send: () => void, mostBytes: number): Promise<void> {
  const { socket } = client;
  let idleSince = Date.now();
  let taken = 0;
  while (!client.isClosed() && socket.bytesWritten < mostBytes) {
    for (let i = 0; i < 2000 && socket.writableLength < 1e6; i += 1) send();
    if (socket.bytesWritten - socket.writableLength > taken) {
      taken = socket.bytesWritten - socket.writableLength;
      idleSince = Date.now();
    }
    if (Date.now() - idleSince > 1000) return;
    await setImmediate();
  }
}

/** A session in which the command runs already. */
async function running(
  client: HostileSsh,
  command: string,
  options?: Parameters<typeof openSessionOf>[1],
): Promise<number> {
  const before = client.received().filter(([type]) => type === types.requestSucceeded).length;
  const session = await openSessionOf(client, options);
  execIn(client, session, command);
  await client.wait(types.requestSucceeded, before);
  return session;
}

const request = (client: HostileSsh, method: string, ...rest: readonly Buffer[]): void => {
  const head = [sshString('mallory'), sshString('ssh-connection'), sshString(method)];
  client.send(types.authRequest, ...head, ...rest);
};

test('data past the window, in odd pieces, for a command that reads nothing', async () => {
  await endure(async (atItsHeight) => {
    const client = await login();
    const session = await running(client, 'reads nothing');
    const piece = sshString(Buffer.alloc(32_761));
    await sendOn(
      client,
      () => {
        client.send(types.data, uint32(session), piece);
      },
      400e6,
    );
    await atItsHeight();
    await client.closed();
    expect(client.socket.bytesWritten).toBeLessThan(30e6);
  });
});

test.each(['writes', 'writes errors'])(
  'a command that %s without end for a window of 3.5 GiB, of which nothing is read',
  async (command) => {
    await endure(async (atItsHeight) => {
      const client = await login();
      await running(client, command, { window: hugeWindow });
      client.socket.pause();
      await delay(1000);
      await atItsHeight();
      expect(client.isClosed()).toBe(false);
    });
  },
);

test('a key exchange that is begun during such a pull and never goes on', async () => {
  await endure(async (atItsHeight) => {
    const client = await login();
    await running(client, 'writes', { window: hugeWindow });
    await client.wait(types.data);
    client.beginExchange();
    await delay(1500);
    await atItsHeight();
    expect(client.isClosed()).toBe(false);
  });
});

test('global requests without end, to which no answer is read', async () => {
  await endure(async (atItsHeight) => {
    const client = await login();
    client.socket.pause();
    const sent = sendOn(
      client,
      () => {
        client.send(types.globalRequest, sshString('?'), 1);
      },
      100e6,
    );
    await atItsHeight();
    await sent;
    // It has to read to go on.
    expect(client.isClosed() || client.socket.writableLength > 0).toBe(true);
  });
});

test.each<[string, (session: number) => Message]>([
  ['messages to be ignored', () => [types.ignore, sshString(Buffer.alloc(100))]],
  ['messages for a log', () => [types.debug, 1, sshString('hello'), sshString('')]],
  ['room in the window', (session) => [types.windowAdjust, uint32(session), uint32(0xffffffff)]],
])('%s without end', async (_what, message) => {
  await endure(async (atItsHeight) => {
    const client = await login();
    const parts = message(await running(client, 'reads nothing'));
    const sent = sendOn(
      client,
      () => {
        client.send(...parts);
      },
      1e6,
    );
    await atItsHeight();
    await sent;
  });
});

test('commands that are begun and left without end', async () => {
  await endure(async (atItsHeight) => {
    const client = await login();
    const command = `reads nothing ${'x'.repeat(30_000)}`;
    let session = 0;
    const sent = sendOn(
      client,
      () => {
        client.send(
          ...[types.channelOpen, sshString('session'), uint32(session), uint32(0), uint32(0x8000)],
        );
        execIn(client, session, command);
        client.send(types.close, uint32(session));
        session += 1;
      },
      60e6,
    );
    await atItsHeight();
    await sent;
  });
});

test.each([0, 1])('data that the client takes by %d bytes at a time', async (packet) => {
  await endure(async (atItsHeight) => {
    const client = await login();
    const opened = openSessionOf(client, { packet }).then((session) => {
      execIn(client, session, 'writes');
    });
    await atItsHeight();
    await client.closed();
    await opened.catch(() => undefined);
  });
});

test('the number of answers, or of prompts, that do not follow', async () => {
  await endure(async (atItsHeight) => {
    for (const type of [types.infoResponse, types.keyIsFine]) {
      for (let i = 0; i < 3; i += 1) {
        const client = await stranger();
        request(client, 'keyboard-interactive', sshString(''), sshString(''));
        await client.wait(types.keyIsFine);
        const texts = type === types.keyIsFine ? ['', '', ''] : [];
        client.send(type, ...texts.map(sshString), uint32(30_000_000));
      }
    }
    await atItsHeight();
  });
});

test('requests to log in without end', async () => {
  await endure(async (atItsHeight) => {
    const all = await Promise.all(Array.from({ length: 40 }, () => stranger()));
    const key = Buffer.alloc(30_000);
    for (const client of all) {
      for (let i = 0; i < 100; i += 1) {
        request(client, 'publickey', Buffer.of(0), sshString('ssh-ed25519'), sshString(key));
      }
    }
    await atItsHeight();
    await Promise.all(all.map((client) => client.closed()));
  });
});

test('messages of a stranger without end', async () => {
  await endure(async (atItsHeight) => {
    const client = await stranger();
    const text = sshString(Buffer.alloc(1000));
    await sendOn(
      client,
      () => {
        client.send(types.ignore, text);
      },
      5e6,
    );
    await client.closed();
    await atItsHeight();
  });
});

test('packets of 35,000 bytes that never become whole', async () => {
  await endure(async (atItsHeight) => {
    const packet = Buffer.alloc(34_000);
    packet.writeUInt32BE(34_990);
    const sockets = Array.from({ length: 200 }, () => connect(me.serve.port, '127.0.0.1'));
    for (const socket of sockets) {
      socket.on('error', () => undefined).resume();
      socket.write('SSH-2.0-mallory\r\n');
      socket.write(packet);
    }
    await delay(500);
    await atItsHeight();
    for (const socket of sockets) socket.destroy();
  });
});

test('packets that are longer than any may be end the connection', async () => {
  await endure(async (atItsHeight) => {
    const client = connectPlainSsh(me.serve.port);
    client.sendRaw(uint32(2 ** 31));
    await client.closed();
    await atItsHeight();
  });
});

test('compressed data is not even agreed on', async () => {
  await endure(async (atItsHeight) => {
    const key = readFileSync(mallory.publicKeyFile.replace(/\.pub$/, ''));
    for (const method of ['zlib', 'zlib@openssh.com'] as const) {
      const algorithms = { compress: [method] };
      const client = connectHostile({ port: me.serve.port, key, algorithms });
      await expect(client).rejects.toThrow();
    }
    // The control: with another choice it gets in.
    const algorithms = { compress: ['zlib' as const, 'none' as const] };
    clients.push(await connectHostile({ port: me.serve.port, key, algorithms }));
    await atItsHeight();
  });
});

test('ten sessions in each of more connections than one key may have, and 2 MiB for each', async () => {
  await endure(async (atItsHeight) => {
    const all = await Promise.all(Array.from({ length: 20 }, () => login()));
    const piece = sshString(Buffer.alloc(32_768));
    for (const client of all) {
      for (let session = 0; session < 10; session += 1) {
        const head = [sshString('session'), uint32(session), uint32(1000), uint32(0x8000)];
        client.send(types.channelOpen, ...head);
        execIn(client, session, 'reads nothing');
        for (let i = 0; i < 64; i += 1) client.send(types.data, uint32(session), piece);
      }
    }
    await waitFor('all of it to be sent', () =>
      all.every(({ socket, isClosed }) => isClosed() || socket.writableLength === 0),
    );
    await atItsHeight();
    // 16 connections, and 12 commands in all of them.
    expect(all.filter(({ isClosed }) => isClosed())).toHaveLength(4);
    const told = all.flatMap((client) =>
      client.received().filter((payload) => payload.includes('of your transfers run here already')),
    );
    // More of them where a command of the attack before has not ended yet.
    expect(told.length).toBeGreaterThanOrEqual(160 - 12);
    expect(told.length).toBeLessThan(160);
  });
});
