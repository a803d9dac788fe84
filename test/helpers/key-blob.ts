/** Public keys made by hand, for types and faults that ssh-keygen does not make. */
import { randomBytes } from 'node:crypto';

/** The parts as a key's blob holds them, each after its length (RFC 4251, section 5), in base64. */
export function blobOf(...parts: readonly (string | Uint8Array)[]): string {
  const strings = parts.flatMap((part) => {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat(strings).toString('base64');
}

/** `type base64 comment` of a new key that looks right; no private half exists. */
export function ed25519Line(comment = 'bob@laptop'): string {
  return `ssh-ed25519 ${blobOf('ssh-ed25519', randomBytes(32))} ${comment}`;
}

/** As ed25519Line, for a key that lives in a FIDO token. */
export function fidoLine(comment = 'bob@token'): string {
  const type = 'sk-ssh-ed25519@openssh.com';
  return `${type} ${blobOf(type, randomBytes(32), 'ssh:')} ${comment}`;
}
