/**
 * The patches that ssh2 gets (patches/README.md), but for the post-quantum key exchange, which is in
 * ml-kem.test.ts. Each test fails with an ssh2 that lacks the patch.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientChannel, Connection } from 'ssh2';
import ssh2 from 'ssh2';
import { afterEach, describe, expect, it } from 'vitest';
import { missingPatches, neededPatches } from '../../../src/server/engine/patched.js';
import { exec, mustExec } from '../../helpers/exec.js';
import { connectPlainSsh, ecdhInit, keyExchangeInit, message } from '../../helpers/plain-ssh.js';
import type { BareServer } from '../../helpers/ssh2-server.js';
import { startBareServer } from '../../helpers/ssh2-server.js';
import { createTemporaryFolder, waitFor } from '../../helpers/tmp.js';

const checkout = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const curve = 'curve25519-sha256';

/** What ssh2 keeps to itself. */
interface Insides {
  readonly _protocol: {
    channelData(channel: number, data: Buffer): void;
    channelExtData(channel: number, data: Buffer, type: number): void;
    rekey(): void;
  };
  readonly _sock: Socket;
}
const insides = (part: object): Insides => part as Insides;

const atEnd: (() => void)[] = [];
afterEach(() => {
  for (const close of atEnd.splice(0)) close();
});

async function start(
  methods: readonly string[],
  onConnection?: (connection: Connection) => void,
): Promise<BareServer> {
  const server = await startBareServer(methods, onConnection);
  atEnd.push(server.close);
  return server;
}

/** Connects as ssh2's own client and starts a command. */
async function command(
  port: number,
  text: string,
): Promise<{ client: ssh2.Client; channel: ClientChannel }> {
  const client = new ssh2.Client();
  atEnd.push(() => client.destroy());
  client.connect({ port, host: '127.0.0.1', username: 'bob' });
  await once(client, 'ready');
  client.on('error', () => undefined);
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.exec(text, (error, opened) => {
      if (error === undefined) resolve(opened);
      else reject(error);
    });
  });
  return { client, channel };
}

const sshOptions = [
  ...['-F', 'none', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'],
  ...['-o', 'UserKnownHostsFile=/dev/null', '-o', 'IdentitiesOnly=yes'],
];

describe('the list of patches', () => {
  it('is that of patches/, and the installed ssh2 has them all', () => {
    const files = readdirSync(join(checkout, 'patches')).filter((name) => name.endsWith('.patch'));
    const names = files.map((name) => /^ssh2\+1\.17\.0\+\d+\+(.+)\.patch$/.exec(name)?.[1]);
    expect(names).toEqual(neededPatches);
    expect(missingPatches()).toEqual([]);
  });

  it('is missing from an ssh2 without them', () => {
    expect(missingPatches({})).toEqual(neededPatches);
    expect(missingPatches({ pysyncPatches: neededPatches.slice(1) })).toEqual(['receive-window']);
  });

  it('says of each patch where it came from', () => {
    const readme = readFileSync(join(checkout, 'patches/README.md'), 'utf8');
    for (const name of neededPatches) expect(readme).toContain(`| \`${name}\``);
  });
});

describe('receive-window', () => {
  const mebibyte = 1024 * 1024;

  it.each(['channelData', 'channelExtData'] as const)(
    'ends the connection of a client that sends more than the window allows (%s)',
    async (send) => {
      const server = await start([curve]);
      const { client, channel } = await command(server.port, 'does not read');
      const { id } = (channel as unknown as { outgoing: { id: number } }).outgoing;
      // An odd size, so that the rest of the window is never exactly nothing.
      const chunk = Buffer.alloc(32_761);
      for (let sent = 0; sent < 16 * mebibyte; sent += chunk.length) {
        insides(client)._protocol[send](id, chunk, 1);
      }
      await waitFor('the end', () =>
        server.connections.every((each) => insides(each)._sock.closed),
      );
      expect(server.errors[0]).toBe('Inbound: Data exceeds the receive window');
      expect(server.channels[0]?.readableLength).toBeLessThanOrEqual(4 * mebibyte);
    },
  );

  it('lets a client that keeps to the window send any amount', async () => {
    const server = await start([curve]);
    const { channel } = await command(server.port, 'reads');
    let received = 0;
    server.channels[0]?.on('data', (data: Buffer) => (received += data.length));
    channel.end(Buffer.alloc(16 * mebibyte));
    await waitFor('all of it', () => received === 16 * mebibyte);
    expect(server.errors).toEqual([]);
  });
});

describe('sig-algs-comma', () => {
  it('tells clients of all signature algorithms, so that an RSA key signs with SHA-512', async () => {
    const server = await start([curve]);
    const key = join(createTemporaryFolder().path, 'key');
    await mustExec(['ssh-keygen', '-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', key]);
    const port = ['-p', String(server.port), '-i', key];
    const result = await exec(['ssh', '-v', ...sshOptions, ...port, 'key@127.0.0.1', 'greet']);
    expect(result).toMatchObject({ exitCode: 0, stdout: 'hello' });
    const list = /server-sig-algs=<(.*)>/.exec(result.stderr)?.[1]?.split(',');
    expect(list).toEqual(expect.arrayContaining(['ecdsa-sha2-nistp521', 'rsa-sha2-512']));
    expect(server.hashes).toEqual(['sha512']);
  });
});

describe('ext-info-first', () => {
  it('sends the signature algorithms in one write with its NEWKEYS, before the client sends its own', async () => {
    // What begins each write of several pieces; a packet that is not encrypted has its type there.
    const writes: (number | undefined)[] = [];
    const server = await start([curve], (connection) => {
      const socket = insides(connection)._sock;
      const writev = socket._writev?.bind(socket);
      socket._writev = (pieces, done) => {
        writes.push((pieces[0]?.chunk as Buffer)[5]);
        writev?.(pieces, done);
      };
    });
    const steps: string[] = [];
    let goOn: ((isRightKey: boolean) => void) | undefined;
    const client = new ssh2.Client();
    atEnd.push(() => client.destroy());
    client.connect({
      port: server.port,
      host: '127.0.0.1',
      username: 'bob',
      debug: (step) => steps.push(step),
      // Until it is answered the client sends no NEWKEYS.
      hostVerifier: (_key: Buffer, answer: (isRightKey: boolean) => void) => {
        goOn = answer;
      },
    });
    await waitFor('EXT_INFO', () => steps.includes('Inbound: Received EXT_INFO'));
    expect(steps).not.toContain('Outbound: Sending NEWKEYS');
    expect(writes).toEqual([message.newKeys]);
    goOn?.(true);
    await once(client, 'ready');
    expect(steps.filter((step) => step.includes('EXT_INFO'))).toHaveLength(1);
  });

  it.each(['client', 'server'])('changes to new keys that the %s asks for', async (side) => {
    const server = await start([curve]);
    const { client, channel } = await command(server.port, 'reads');
    let received = '';
    server.channels[0]?.on('data', (data: Buffer) => (received += data.toString()));
    const connection = server.connections[0] ?? expect.fail('no connection');
    const rekeyed = once(connection, 'rekey');
    insides(side === 'client' ? client : connection)._protocol.rekey();
    // Waits in both queues until the new keys are there.
    channel.write('a');
    server.channels[0]?.write('b');
    const [answer] = (await once(channel, 'data')) as [Buffer];
    expect(answer.toString()).toBe('b');
    await waitFor('the byte', () => received === 'a');
    await rekeyed;
    expect(server.errors).toEqual([]);
  });
});

describe('right-guess', () => {
  const x25519 = (): Buffer =>
    generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);

  it('answers the first packet of the method that both sides prefer', async () => {
    const server = await start([curve, 'ecdh-sha2-nistp256']);
    const client = connectPlainSsh(server.port);
    atEnd.push(client.end);
    client.send(keyExchangeInit([curve], true), ecdhInit(x25519()));
    await waitFor('NEWKEYS', () => client.types().includes(message.newKeys));
    expect(client.types()).toEqual([message.keyExchangeInit, message.ecdhReply, message.newKeys]);
  });

  it('throws away a guess where the server prefers another method', async () => {
    const server = await start(['ecdh-sha2-nistp256', curve]);
    const client = connectPlainSsh(server.port);
    atEnd.push(client.end);
    client.send(keyExchangeInit([curve], true), ecdhInit(randomBytes(7)), ecdhInit(x25519()));
    await waitFor('NEWKEYS', () => client.types().includes(message.newKeys));
    expect(client.types()).toEqual([message.keyExchangeInit, message.ecdhReply, message.newKeys]);
  });

  it.each([[[curve]], [['curve25519-sha256@libssh.org', curve]], [['ecdh-sha2-nistp256', curve]]])(
    'serves dropbear where it prefers %j',
    async (methods) => {
      const { port } = await start(methods);
      const result = await exec([
        'dbclient',
        '-y',
        '-y',
        '-p',
        String(port),
        'bob@127.0.0.1',
        'greet',
      ]);
      expect(result).toMatchObject({ exitCode: 0, stdout: 'hello' });
    },
  );
});

describe('no-addon', () => {
  it('is kept by the lock file, which neither installs nor compiles anything for ssh2', () => {
    const lock = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean; optionalDependencies?: object }>;
    };
    const { packages } = lock;
    expect(packages['node_modules/ssh2']?.hasInstallScript).toBeUndefined();
    expect(packages['node_modules/ssh2']?.optionalDependencies).toBeUndefined();
    expect(packages).not.toHaveProperty(['node_modules/cpu-features']);
    expect(packages).not.toHaveProperty(['node_modules/nan']);
  });
});

describe('long-packets', () => {
  it('takes a command of OpenSSH’s that is as long as one can be', async () => {
    const server = await start([curve]);
    const long = `greet ${'x'.repeat(120_000)}`;
    const port = ['-p', String(server.port)];
    const result = await exec(['ssh', ...sshOptions, ...port, 'bob@127.0.0.1', long]);
    expect(result).toMatchObject({ exitCode: 0, stdout: 'hello' });
  });

  it('still closes a connection on whose packets nobody could wait', async () => {
    const server = await start([curve]);
    const { client } = await command(server.port, 'reads');
    insides(client)._protocol.channelData(0, Buffer.alloc(300 * 1024));
    await once(client, 'close');
    expect(server.errors[0]).toBe('Bad packet length');
  });
});
