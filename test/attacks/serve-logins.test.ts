/**
 * The attacker knows public keys that `pysync serve` lets in, and tries to get in without the private ones:
 * by naming them, with signatures that are wrong or of another connection, with algorithms that can be
 * broken, with certificates, or in other ways to log in. Nothing of it may do. In each case the control is
 * the proper signature.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exec, mustExec } from '../helpers/exec.js';
import type { ExecResult } from '../helpers/exec.js';
import { connectHostile, types, uint32 } from '../helpers/hostile-ssh.js';
import type { HostileSsh } from '../helpers/hostile-ssh.js';
import { sshString } from '../helpers/plain-ssh.js';
import { createServeScene } from '../helpers/serve-process.js';
import type { ServeScene } from '../helpers/serve-process.js';
import {
  dsaKey,
  ecdsaKey,
  ed25519Key,
  rsaKey,
  tokenKey,
  typeIn,
} from '../helpers/ssh-signatures.js';
import type { SshKey, TokenFault } from '../helpers/ssh-signatures.js';
import { createTemporaryFolder, waitFor } from '../helpers/tmp.js';

const keys = {
  ed25519: ed25519Key(),
  'ecdsa 256': ecdsaKey(256),
  'ecdsa 384': ecdsaKey(384),
  'ecdsa 521': ecdsaKey(521),
  rsa: rsaKey(),
  'ed25519 token': tokenKey('ed25519'),
  'ecdsa token': tokenKey('ecdsa'),
};
const all = Object.entries(keys);
const tokens = [keys['ed25519 token'], keys['ecdsa token']];

let me: ServeScene;
let authorizedKeys: string;
const clients: HostileSsh[] = [];

beforeAll(async () => {
  me = await createServeScene({ args: ['--code'] });
  const lines = all.map(([name, key]) => `${lineOf(key)} ${name.replace(' ', '-')}@test\n`);
  const file = join(me.account.home, 'keys.pub');
  writeFileSync(file, lines.join(''));
  const imported = await me.account.pysync(['-i', file]);
  expect(imported).toMatchObject({ exitCode: 0 });
  authorizedKeys = join(me.account.home, '.ssh/authorized_keys');
});

afterAll(async () => {
  for (const client of clients) client.end();
  await me.remove();
});

const lineOf = ({ type, blob }: SshKey): string => `${type} ${blob.toString('base64')}`;

async function knock(): Promise<HostileSsh> {
  const client = await connectHostile({ port: me.serve.port });
  clients.push(client);
  return client;
}

const head = (method: string): Buffer[] =>
  ['mallory', 'ssh-connection', method].map((text) => sshString(text));

interface Attempt {
  readonly algorithm?: string;
  /** In place of the key's own. */
  readonly blob?: Buffer;
  /** The algorithm that the signature is said to be of. */
  readonly signedBy?: string;
  readonly fault?: TokenFault;
  readonly change?: (signature: Buffer) => Buffer;
  /** In place of that of the connection. */
  readonly session?: Buffer;
}

/** Whether a signature of this key lets a client in. */
async function letsIn(key: SshKey, attempt: Attempt = {}): Promise<boolean> {
  const client = await knock();
  const algorithm = attempt.algorithm ?? key.algorithms[0] ?? key.type;
  const { blob = key.blob, signedBy = algorithm, fault, change } = attempt;
  const said = [...head('publickey'), Buffer.of(1), sshString(algorithm), sshString(blob)];
  const session = attempt.session ?? client.sessionId();
  const data = Buffer.concat([sshString(session), Buffer.of(types.authRequest), ...said]);
  const signature = key.sign(data, signedBy, fault);
  client.send(types.authRequest, ...said, sshString(change?.(signature) ?? signature));
  return isIn(client);
}

function flipped(signature: Buffer, at: number): Buffer {
  const changed = Buffer.from(signature);
  changed.writeUInt8(signature.readUInt8(at) ^ 1, at);
  return changed;
}

/** Waits for the answer to a request, and tries whether it opens sessions. */
async function isIn(client: HostileSsh): Promise<boolean> {
  const answers: readonly number[] = [types.authSuccess, types.authFailure, types.keyIsFine];
  const answer = await waitFor('an answer', () => {
    const [found] = client.received().filter(([type = 0]) => answers.includes(type));
    return client.isClosed() ? Buffer.of(types.disconnect) : found;
  });
  client.send(types.channelOpen, sshString('session'), ...[0, 1000, 0x8000].map(uint32));
  const opens = await waitFor('whether it opens sessions', () => {
    if (client.isClosed()) return 'no';
    const has = (wanted: number): boolean => client.received().some(([type]) => type === wanted);
    if (has(types.channelConfirmation)) return 'yes';
    return has(types.channelFailure) ? 'no' : undefined;
  });
  expect(opens === 'yes').toBe(answer[0] === types.authSuccess);
  client.end();
  return opens === 'yes';
}

describe.each(all)('a key of type %s', (_name, key) => {
  test('lets in with its signature', async () => {
    expect(
      await Promise.all(key.algorithms.map((algorithm) => letsIn(key, { algorithm }))),
    ).toEqual(key.algorithms.map(() => true));
  });

  test('lets nobody in who only names it', async () => {
    const client = await knock();
    const algorithm = sshString(key.algorithms[0] ?? '');
    client.send(types.authRequest, ...head('publickey'), 0, algorithm, sshString(key.blob));
    // That it is known may be told: sshd does so, too.
    await client.wait(types.keyIsFine);
    expect(await isIn(client)).toBe(false);
  });

  test('lets nobody in with another signature', async () => {
    const other = await knock();
    const attempts: Attempt[] = [
      { session: other.sessionId() },
      { session: Buffer.alloc(0) },
      { change: (signature) => flipped(signature, signature.length - 1) },
      { change: (signature) => flipped(signature, 50) },
      { change: (signature) => signature.subarray(0, -8) },
      { change: () => Buffer.alloc(0) },
      { change: () => Buffer.alloc(100) },
      { blob: Buffer.concat([key.blob, Buffer.alloc(4)]) },
      { blob: Buffer.concat([key.blob, Buffer.of(0)]) },
      { blob: key.blob.subarray(0, -1) },
    ];
    const results = await Promise.all(attempts.map((attempt) => letsIn(key, attempt)));
    expect(results).toEqual(attempts.map(() => false));
  });

  test('lets nobody in under the name of another type', async () => {
    const names = all.flatMap(([, { algorithms }]) => algorithms);
    const others = names.filter((name) => !key.algorithms.includes(name));
    for (const algorithm of others)
      expect([algorithm, await letsIn(key, { algorithm })]).toEqual([algorithm, false]);
  });
});

test('SHA-1 is not taken, whatever it is called', async () => {
  expect(await letsIn(keys.rsa, { algorithm: 'ssh-rsa' })).toBe(false);
  expect(await letsIn(keys.rsa, { algorithm: 'rsa-sha2-256', signedBy: 'ssh-rsa' })).toBe(false);
  expect(await letsIn(keys.rsa, { algorithm: 'ssh-rsa', signedBy: 'rsa-sha2-256' })).toBe(false);
});

test.each(tokens.map((key) => [key.type, key] as const))(
  'a token has to be touched, and to sign for ssh and with its counter (%s)',
  async (_type, key) => {
    // The control: what else it may say of itself.
    expect(await letsIn(key, { fault: { flags: 0x05 } })).toBe(true);
    for (const fault of [
      { flags: 0 },
      { flags: 4 },
      { application: 'https://a' },
      { counter: 8 },
    ]) {
      expect(await letsIn(key, { fault })).toBe(false);
    }
  },
);

test('a certificate for a key that is known is refused', async () => {
  const folder = createTemporaryFolder().path;
  for (const name of ['ca', 'user']) {
    await mustExec(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  }
  const signs = ['-s', join(folder, 'ca'), '-I', 'x', '-n', 'mallory'];
  await mustExec(['ssh-keygen', '-q', ...signs, join(folder, 'user.pub')]);
  await me.account.pysync(['-i', readFileSync(join(folder, 'user.pub'), 'utf8').trim()]);
  const [, certificate = ''] = readFileSync(join(folder, 'user-cert.pub'), 'utf8').split(' ');
  const ssh = (...options: string[]): Promise<ExecResult> =>
    exec([
      ...['ssh', '-F', 'none', '-p', String(me.serve.port), '-i', join(folder, 'user')],
      ...['-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'],
      ...['-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', ...options, '127.0.0.1'],
    ]);
  expect(typeIn(Buffer.from(certificate, 'base64'))).toBe('ssh-ed25519-cert-v01@openssh.com');
  const only = ['-o', 'PubkeyAcceptedAlgorithms=ssh-ed25519-cert-v01@openssh.com'];
  const certificateFile = ['-o', `CertificateFile=${join(folder, 'user-cert.pub')}`];
  expect((await ssh(...only, ...certificateFile)).stderr).toContain('Permission denied');
  expect((await ssh()).stderr).toContain('pysync:');
});

test('a DSA key is refused, even where somebody has written a line for it', async () => {
  const key = dsaKey();
  const text = readFileSync(authorizedKeys, 'utf8');
  const [line = ''] = text.split('\n').filter((each) => each.includes(lineOf(keys.ed25519)));
  const changed = line.replace(lineOf(keys.ed25519), lineOf(key));
  expect(changed).not.toBe(line);
  writeFileSync(authorizedKeys, `${text}${changed}\n`);
  expect(await letsIn(key)).toBe(false);
  writeFileSync(authorizedKeys, text);
});

test.each([
  ['none', []],
  ['password', [Buffer.of(0), sshString('secret')]],
  ['password', [Buffer.of(1), sshString('secret'), sshString('secret')]],
  ['keyboard-interactive', [sshString(''), sshString('')]],
])('nobody gets in by %s', async (method, rest) => {
  const client = await knock();
  client.send(types.authRequest, ...head(method), ...rest);
  expect(await isIn(client)).toBe(false);
});

test('nobody gets in by the key of a host', async () => {
  const client = await knock();
  const { ed25519: key } = keys;
  const texts = ['a.host', 'anna'].map((text) => sshString(text));
  const said = [...head('hostbased'), sshString(key.type), sshString(key.blob), ...texts];
  const session = sshString(client.sessionId());
  const data = Buffer.concat([session, Buffer.of(types.authRequest), ...said]);
  client.send(types.authRequest, ...said, sshString(key.sign(data)));
  expect(await isIn(client)).toBe(false);
});

test('a right code that comes with another request lets nobody in, nor makes it a known client', async () => {
  const [serving] = me.serve.events().filter(({ event }) => event === 'serving');
  const code = String(serving?.['code']);
  const asked = async (): Promise<HostileSsh> => {
    const client = await knock();
    const words = [sshString(''), sshString('')];
    client.send(types.authRequest, ...head('keyboard-interactive'), ...words);
    await client.wait(types.keyIsFine);
    client.send(types.infoResponse, uint32(1), sshString(code));
    return client;
  };
  const client = await asked();
  client.send(types.authRequest, ...head('none'));
  await client.wait(types.authFailure);
  // The code has been taken, and is good for nobody else.
  const next = await asked();
  await next.wait(types.keyIsFine, 1);
  next.end();

  // More than a stranger may send.
  for (let i = 0; i < 600; i += 1) client.send(types.ignore, sshString(Buffer.alloc(1000)));
  await client.closed();
});

describe('lines in authorized_keys', () => {
  let before: string;
  beforeAll(() => {
    before = readFileSync(authorizedKeys, 'utf8');
  });

  async function withLines(change: (line: string) => string, key: SshKey): Promise<boolean> {
    const lines = before
      .split('\n')
      .map((line) => (line.includes(lineOf(key)) ? change(line) : line));
    writeFileSync(authorizedKeys, lines.join('\n'));
    return letsIn(key);
  }

  test.each([
    [
      "the owner's own line is no business of serve",
      (line: string) => line.replace(/^.*(?=ssh-ed)/, ''),
    ],
    [
      'a line without our command is not ours',
      (line: string) => line.replace(/command="[^"]*"/, 'command="ls"'),
    ],
    [
      'a line with the launcher of another program is not ours',
      (line: string) => line.replace(/\/launcher /, '/other '),
    ],
    [
      'a line with a word too many lets nobody in',
      (line: string) => line.replace(' --source', ' --x y --source'),
    ],
    [
      'a line for other addresses',
      (line: string) => line.replace('restrict,', 'restrict,from="10.9.8.7",'),
    ],
    [
      'a line that has expired',
      (line: string) => line.replace('restrict,', 'restrict,expiry-time="20200101000000",'),
    ],
  ])('%s', async (_what, change) => {
    expect(await withLines((line) => line, keys.ed25519)).toBe(true);
    expect(await withLines(change, keys.ed25519)).toBe(false);
  });

  test('of two lines for one key the one that lets in does', async () => {
    const elsewhere = (line: string): string =>
      line.replace('restrict,', 'restrict,from="10.9.8.7",');
    const { ed25519: key } = keys;
    expect(await withLines((line) => `${elsewhere(line)}\n${line}`, key)).toBe(true);
    expect(await withLines((line) => `${line}\n${elsewhere(line)}`, key)).toBe(true);
    expect(await withLines((line) => `${elsewhere(line)}\n${elsewhere(line)}`, key)).toBe(false);
  });
});
