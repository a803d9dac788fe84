/**
 * Whether a client has signed with the key that it names (RFC 4252, 7). ssh2 verifies by its own key
 * reader all types but those of FIDO tokens, which are verified here.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { utils } from 'ssh2';

export interface Proof {
  /** The type of key and signature as the client names it, and the key's blob. */
  readonly algorithm: string;
  readonly key: Buffer;
  /** What was signed. */
  readonly signed: Buffer;
  readonly signature: Buffer;
  /** As ssh2 has read it off the algorithm of an RSA key: `sha256`. */
  readonly hash: string | undefined;
}

const rsa: readonly string[] = ['sha256', 'sha512'];
const plain = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
] as const;

/** Types that `isProved` can say yes to. Certificates are none of them. */
export function isKnownType(algorithm: string): boolean {
  return algorithm === 'ssh-rsa' || isPlain(algorithm) || Object.hasOwn(tokens, algorithm);
}

const isPlain = (algorithm: string): boolean => plain.some((known) => known === algorithm);

export function isProved(proof: Proof): boolean {
  const { algorithm, key, signed, signature, hash } = proof;
  try {
    const token = tokens[algorithm];
    if (token !== undefined) return isProvedByToken(proof, token);
    // SECURITY: SHA-1 signatures are what an RSA key makes without a hash being named
    // (test/attacks/serve-logins.test.ts).
    const isGood = algorithm === 'ssh-rsa' ? rsa.includes(hash ?? '') : isPlain(algorithm);
    const parsed = isGood ? utils.parseKey(`${algorithm} ${key.toString('base64')}`) : undefined;
    if (parsed === undefined || parsed instanceof Error) return false;
    return parsed.verify(signed, signature, hash);
  } catch {
    return false;
  }
}

/** How a token's public key is read from the fields behind its type, and what its signatures hash. */
interface Token {
  readonly read: (fields: readonly Buffer[]) => { key: KeyObject; application: Buffer };
  readonly verify: (data: Buffer, key: KeyObject, signature: Buffer) => boolean;
}

/** PROTOCOL.u2f of OpenSSH. */
const tokens: Readonly<Record<string, Token>> = {
  'sk-ssh-ed25519@openssh.com': {
    read: ([point, application]) => ({
      key: publicKey({ kty: 'OKP', crv: 'Ed25519', x: base64url(need(point, 32)) }),
      application: need(application),
    }),
    verify: (data, key, signature) => verify(null, data, key, need(signature, 64)),
  },
  'sk-ecdsa-sha2-nistp256@openssh.com': {
    read: ([, point, application]) => {
      const { [0]: form, length } = need(point, 65);
      if (form !== 4 || length !== 65) throw new Error('not an uncompressed point');
      const [x, y] = [need(point).subarray(1, 33), need(point).subarray(33)];
      return {
        key: publicKey({ kty: 'EC', crv: 'P-256', x: base64url(x), y: base64url(y) }),
        application: need(application),
      };
    },
    verify: (data, key, signature) => {
      const [r, s] = fieldsOf(signature).map((number) => padded(number, 32));
      const both = Buffer.concat([need(r, 32), need(s, 32)]);
      return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, both);
    },
  },
};

/** User presence was tested: somebody has touched the token. */
const isPresent = 0x01;

function isProvedByToken({ algorithm, key, signed, signature }: Proof, token: Token): boolean {
  const [type, ...fields] = fieldsOf(key);
  if (type?.toString() !== algorithm) return false;
  const { key: publicKey, application } = token.read(fields);
  // ssh2 has cut off the algorithm's name and the length of what follows.
  const flags = signature.at(-5) ?? 0;
  const counter = signature.subarray(-4);
  // SECURITY: without a touch the signature is refused, as sshd does where `no-touch-required` is not said.
  if ((flags & isPresent) === 0) return false;
  const data = Buffer.concat([sha256(application), Buffer.of(flags), counter, sha256(signed)]);
  return token.verify(data, publicKey, signature.subarray(0, -5));
}

/** The strings of RFC 4251, 5. Throws where one is cut off. */
function fieldsOf(blob: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < blob.length;) {
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) throw new Error('cut off');
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

function need(bytes: Buffer | undefined, length = bytes?.length): Buffer {
  if (bytes?.length !== length || bytes === undefined) throw new Error('of another length');
  return bytes;
}

/** A number of RFC 4251, 5 (mpint) in `length` bytes. */
function padded(number: Buffer, length: number): Buffer {
  const digits = number[0] === 0 ? number.subarray(1) : number;
  return Buffer.concat([Buffer.alloc(Math.max(0, length - digits.length)), digits]);
}

function publicKey(jwk: Record<string, string>): KeyObject {
  return createPublicKey({ key: jwk, format: 'jwk' });
}

const base64url = (bytes: Buffer): string => bytes.toString('base64url');
const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
