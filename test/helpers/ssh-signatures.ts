/** Keys of all types that ssh knows, and their signatures, by hand. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { sshString, sshStrings } from './plain-ssh.js';

export interface SshKey {
  /** As it is in `authorized_keys`. */
  readonly type: string;
  readonly blob: Buffer;
  /** What is signed with, by the name of the algorithm. */
  readonly algorithms: readonly string[];
  /** The whole signature, as a request to log in has it. */
  readonly sign: (data: Buffer, algorithm?: string, fault?: TokenFault) => Buffer;
}

/** What a token, or somebody with its private key, may say of itself. */
export interface TokenFault {
  readonly flags?: number;
  readonly application?: string;
  /** The one in the signature, in place of that which was signed. */
  readonly counter?: number;
}

export function ed25519Key(): SshKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const type = 'ssh-ed25519';
  return plain(type, [pointOf(publicKey)], (data) => sign(null, data, privateKey));
}

const curves = { 256: 'P-256', 384: 'P-384', 521: 'P-521' } as const;

export function ecdsaKey(bits: keyof typeof curves): SshKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curves[bits] });
  const hash = { 256: 'sha256', 384: 'sha384', 521: 'sha512' }[bits];
  const fields = [Buffer.from(`nistp${bits}`), pointOf(publicKey)];
  return plain(`ecdsa-sha2-nistp${bits}`, fields, (data) => ecdsa(hash, data, privateKey));
}

const hashes: Readonly<Record<string, string>> = {
  'rsa-sha2-256': 'sha256',
  'rsa-sha2-512': 'sha512',
  'ssh-rsa': 'sha1',
};

export function rsaKey(): SshKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { e = '', n = '' } = publicKey.export({ format: 'jwk' });
  const type = 'ssh-rsa';
  return {
    type,
    blob: blobOf(type, [mpint(Buffer.from(e, 'base64url')), mpint(Buffer.from(n, 'base64url'))]),
    algorithms: ['rsa-sha2-256', 'rsa-sha2-512'],
    sign: (data, algorithm = 'rsa-sha2-256') =>
      named(algorithm, sign(hashes[algorithm], data, privateKey)),
  };
}

export function dsaKey(): SshKey {
  const { publicKey, privateKey } = generateKeyPairSync('dsa', {
    modulusLength: 1024,
    divisorLength: 160,
  });
  const der = publicKey.export({ format: 'der', type: 'spki' });
  const [p, q, g, y] = integersIn(der);
  if (p === undefined || q === undefined || g === undefined || y === undefined)
    throw new Error('not a DSA key');
  return plain('ssh-dss', [p, q, g, y], (data) =>
    sign('sha1', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  );
}

/** Keys of FIDO tokens (PROTOCOL.u2f of OpenSSH), but the token is this test. */
export function tokenKey(kind: 'ed25519' | 'ecdsa'): SshKey {
  const own = 'ssh:';
  const isEcdsa = kind === 'ecdsa';
  const { publicKey, privateKey } = isEcdsa
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('ed25519');
  const type = isEcdsa ? 'sk-ecdsa-sha2-nistp256@openssh.com' : 'sk-ssh-ed25519@openssh.com';
  const fields = [...(isEcdsa ? [Buffer.from('nistp256')] : []), pointOf(publicKey)];
  return {
    type,
    blob: blobOf(type, [...fields, Buffer.from(own)]),
    algorithms: [type],
    sign: (data, algorithm = type, { flags = 1, application = own, counter = 7 } = {}) => {
      const numbers = (last: number): Buffer => Buffer.of(flags, 0, 0, 0, last);
      const signed = Buffer.concat([sha256(Buffer.from(application)), numbers(7), sha256(data)]);
      const signature = isEcdsa
        ? ecdsa('sha256', signed, privateKey)
        : sign(null, signed, privateKey);
      return Buffer.concat([named(algorithm, signature), numbers(counter)]);
    },
  };
}

function plain(type: string, fields: readonly Buffer[], make: (data: Buffer) => Buffer): SshKey {
  return {
    type,
    blob: blobOf(type, fields),
    algorithms: [type],
    sign: (data, algorithm = type) => named(algorithm, make(data)),
  };
}

const named = (algorithm: string, signature: Buffer): Buffer =>
  Buffer.concat([sshString(algorithm), sshString(signature)]);

const blobOf = (type: string, fields: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from(type), ...fields].map(sshString));

function ecdsa(hash: string, data: Buffer, key: KeyObject): Buffer {
  const both = sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
  const half = both.length / 2;
  const numbers = [both.subarray(0, half), both.subarray(half)];
  return Buffer.concat(numbers.map((number) => sshString(mpint(number))));
}

/** The bytes at the end of a DER encoding: 32, or an uncompressed point. */
function pointOf(key: KeyObject): Buffer {
  const { x = '', y } = key.export({ format: 'jwk' });
  const first = Buffer.from(x, 'base64url');
  return y === undefined
    ? first
    : Buffer.concat([Buffer.of(4), first, Buffer.from(y, 'base64url')]);
}

/** A positive number of RFC 4251, without its length. */
function mpint(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = bytes.subarray(start);
  return (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits;
}

/** The INTEGERs of a DER encoding, wherever they are. */
function integersIn(der: Buffer): Buffer[] {
  const found: Buffer[] = [];
  const walk = (bytes: Buffer): void => {
    for (let at = 0; at + 2 <= bytes.length;) {
      const tag = bytes.readUInt8(at);
      let length = bytes.readUInt8(at + 1);
      at += 2;
      if (length >= 0x80) {
        const size = length & 0x7f;
        length = bytes.readUIntBE(at, size);
        at += size;
      }
      const body = bytes.subarray(at, at + length);
      at += length;
      if (tag === 0x02) found.push(body);
      else if (tag === 0x30) walk(body);
      else if (tag === 0x03) walk(body.subarray(1));
    }
  };
  walk(der);
  return found;
}

/** The type that a blob says it has. */
export function typeIn(blob: Buffer): string {
  return sshStrings(blob)[0]?.toString() ?? '';
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
