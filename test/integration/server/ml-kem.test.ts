/**
 * The key exchange mlkem768x25519-sha256, a patch of ssh2 (draft-ietf-sshm-mlkem-hybrid-kex). The client
 * is written by hand, and uses the ML-KEM of @noble/post-quantum also where the server has Node's own.
 */
import { ml_kem768 as mlKem } from '@noble/post-quantum/ml-kem.js';
import {
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
  verify,
} from 'node:crypto';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KexAlgorithm } from 'ssh2';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exec } from '../../helpers/exec.js';
import {
  connectPlainSsh,
  ecdhInit,
  keyExchangeInit,
  message,
  sshString,
  sshStrings,
} from '../../helpers/plain-ssh.js';
import type { BareServer } from '../../helpers/ssh2-server.js';
import { startBareServer } from '../../helpers/ssh2-server.js';
import { waitFor } from '../../helpers/tmp.js';

const checkout = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const method = 'mlkem768x25519-sha256';

let server: BareServer;
beforeAll(async () => {
  server = await startBareServer([method]);
});
afterAll(() => {
  server.close();
});

/** What an X25519 public key looks like in DER, up to the key itself (RFC 8410). */
const x25519Header = Buffer.from('302a300506032b656e032100', 'hex');

function x25519Keys(): { value: Buffer; secretWith: (other: Buffer) => Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return {
    value: publicKey.export({ type: 'spki', format: 'der' }).subarray(-32),
    secretWith: (other) => {
      const key = Buffer.concat([x25519Header, other]);
      return diffieHellman({
        privateKey,
        publicKey: createPublicKey({ key, type: 'spki', format: 'der' }),
      });
    },
  };
}

it('gives the answers that are known of ML-KEM-768', () => {
  // A hundred keys, encapsulations and ciphertexts that must be rejected, drawn from SHAKE128 and hashed
  // into one value, which Go's crypto/mlkem publishes (TestAccumulated).
  const rounds = 100;
  const source = createHash('shake128', { outputLength: rounds * (64 + 32 + 1088) }).digest();
  let at = 0;
  const draw = (length: number): Uint8Array => Uint8Array.from(source.subarray(at, (at += length)));
  const all = createHash('shake128', { outputLength: 32 });
  for (let round = 0; round < rounds; round++) {
    const { publicKey, secretKey } = mlKem.keygen(draw(64));
    const { cipherText, sharedSecret } = mlKem.encapsulate(publicKey, draw(32));
    expect(mlKem.decapsulate(cipherText, secretKey)).toEqual(sharedSecret);
    const rejected = mlKem.decapsulate(draw(1088), secretKey);
    for (const part of [publicKey, cipherText, sharedSecret, rejected]) all.update(part);
  }
  expect(all.digest('hex')).toBe(
    '1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415',
  );
});

it('agrees with a client on the secret, and signs what was exchanged', async () => {
  const client = connectPlainSsh(server.port);
  const kem = mlKem.keygen();
  const curve = x25519Keys();
  const clientValue = Buffer.concat([kem.publicKey, curve.value]);
  const clientInit = keyExchangeInit([method]);
  client.send(clientInit, ecdhInit(clientValue));
  const serverInit = await client.next();
  const reply = await client.next();
  expect(reply[0]).toBe(message.ecdhReply);
  const [hostKey, serverValue, signature] = sshStrings(reply.subarray(1)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  expect(serverValue).toHaveLength(1088 + 32);

  const secret = createHash('sha256')
    .update(mlKem.decapsulate(Uint8Array.from(serverValue.subarray(0, 1088)), kem.secretKey))
    .update(curve.secretWith(serverValue.subarray(1088)))
    .digest();
  const exchanged = [
    ...[client.greeting, client.serverGreeting(), clientInit, serverInit],
    ...[hostKey, clientValue, serverValue, secret],
  ];
  const hash = createHash('sha256')
    .update(Buffer.concat(exchanged.map(sshString)))
    .digest();
  const [type, publicKey] = sshStrings(hostKey) as [Buffer, Buffer];
  expect(type.toString()).toBe('ssh-ed25519');
  const key = { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') };
  const [, signed] = sshStrings(signature) as [Buffer, Buffer];
  expect(verify(null, hash, createPublicKey({ key, format: 'jwk' }), signed)).toBe(true);
  client.end();
});

it('carries a whole connection, with new keys in between', async () => {
  const client = new ssh2.Client();
  const methods: string[] = [];
  client.on('handshake', ({ kex }) => methods.push(kex));
  client.connect({
    port: server.port,
    host: '127.0.0.1',
    username: 'bob',
    algorithms: { kex: [method as KexAlgorithm] },
  });
  await once(client, 'ready');
  (client as unknown as { _protocol: { rekey(): void } })._protocol.rekey();
  const answer = await new Promise<Buffer>((resolve, reject) => {
    client.exec('greet', (error, channel) => {
      if (error === undefined) channel.on('data', resolve);
      else reject(error);
    });
  });
  expect(answer.toString()).toBe('hello');
  expect(methods).toEqual([method, method]);
  client.end();
});

const goodKey = Buffer.from(mlKem.keygen().publicKey);
const goodPoint = x25519Keys().value;
it.each([
  ['nothing', Buffer.alloc(0)],
  ['an X25519 key alone', goodPoint],
  ['a byte too few', Buffer.concat([goodKey, goodPoint.subarray(1)])],
  ['a byte too many', Buffer.concat([goodKey, goodPoint, Buffer.alloc(1)])],
  [
    'an ML-KEM key with numbers over the modulus',
    Buffer.concat([Buffer.alloc(1184, 0xff), goodPoint]),
  ],
  ['an X25519 key that makes the secret zero', Buffer.concat([goodKey, Buffer.alloc(32)])],
])('ends the handshake for a client that sends %s', async (_what, value) => {
  const client = connectPlainSsh(server.port);
  const newKeys = Buffer.from([message.newKeys]);
  client.send(keyExchangeInit([method]), ecdhInit(value), newKeys, randomBytes(64));
  await client.closed();
  expect(client.types()).toEqual([message.keyExchangeInit, message.disconnect]);
  // The server is still there for others.
  const other = connectPlainSsh(server.port);
  other.send(keyExchangeInit([method]), ecdhInit(Buffer.concat([goodKey, goodPoint])));
  await waitFor('NEWKEYS', () => other.types().includes(message.newKeys));
  other.end();
});

it('loads its ML-KEM without a warning of Node', async () => {
  const program = join(checkout, 'node_modules/ssh2/lib/protocol/mlkem.js');
  const script = 'require(process.argv[1]).generateKeys(); console.log("made");';
  const result = await exec([process.execPath, '--eval', script, program]);
  expect(result).toEqual({ stdout: 'made\n', stderr: '', exitCode: 0 });
});
