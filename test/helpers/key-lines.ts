/** Lines of `authorized_keys` for tests: one plain, and any at all for properties. */
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { isPeerName } from '../../src/gate/policy.js';
import type { KeyLine } from '../../src/keys/key-line.js';
import { blobOf } from './key-blob.js';

const plainBlob = blobOf('ssh-ed25519', Buffer.alloc(32, 7));

/** What an import of bob's key would write; each new `seed` is another key. */
export function keyLine(change: Partial<KeyLine> = {}, seed?: Uint8Array): KeyLine {
  const blob = change.blob ?? (seed === undefined ? plainBlob : blobOf('ssh-ed25519', seed));
  return {
    launcher: '/home/me/.local/share/pysync/launcher',
    policy: {
      peer: 'bob',
      key: fingerprint(blob),
      share: '/home/me/public',
      access: 'read-write',
      allowDelete: false,
      source: 'argument',
      imported: '2026-01-02T03:04:05Z',
    },
    from: [],
    expires: undefined,
    type: 'ssh-ed25519',
    comment: 'bob@laptop',
    ...change,
    blob,
  };
}

/** A line for a key that no other test has. */
export function newKeyLine(change: Partial<KeyLine> = {}): KeyLine {
  return keyLine(change, randomBytes(32));
}

/** Any line that can be written, with text in it that sshd and shells might trip over. */
export function anyKeyLine(): fc.Arbitrary<KeyLine> {
  const text = fc
    .string({
      unit: fc.oneof(
        fc.constantFrom(...Array.from(`"'",= $\`;&|*?[]{}()<>~!#%^/`)),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
      ),
    })
    .filter((each) => !/[\p{Cc}\\\ufffd]/u.test(each));
  return fc
    .record({
      seed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      type: fc.constantFrom('ssh-ed25519', 'sk-ssh-ed25519@openssh.com', 'ecdsa-sha2-nistp256'),
      folder: text,
      peer: fc.string({ maxLength: 64 }).filter(isPeerName),
      share: text.filter((each) => each !== ''),
      access: fc.constantFrom('read-write' as const, 'read-only' as const, 'write-only' as const),
      allowDelete: fc.boolean(),
      source: text.filter((each) => each !== ''),
      account: fc.option(fc.integer({ min: 1, max: 1e15 - 1 }), { nil: undefined }),
      comment: text.map((each) => each.trim()),
      from: fc.array(fc.constantFrom('10.0.0.0/8', '!192.168.1.1', 'fe80::/10', '*.lan', '?.a_b')),
      // Made of the parts of a local time, as one that is read back is.
      expires: fc.option(
        fc
          .tuple(
            fc.integer({ min: 1971, max: 9998 }),
            fc.nat(11),
            fc.integer({ min: 1, max: 28 }),
            fc.nat(23),
            fc.nat(59),
            fc.nat(59),
          )
          .map((parts) => new Date(...parts)),
        { nil: undefined },
      ),
    })
    .map(({ seed, type, folder, peer, share, access, allowDelete, source, account, ...rest }) => {
      const blob = blobOf(type, seed);
      const policy = {
        peer,
        key: fingerprint(blob),
        share: `/${share.replace(/^\/+$/, 's')}`,
        access,
        allowDelete,
        source,
        ...(account === undefined ? {} : { account }),
      };
      const launcher = `/${folder}/pysync/launcher`;
      return {
        ...rest,
        type,
        blob,
        launcher,
        policy: { ...policy, imported: '2026-01-02T03:04:05Z' },
      };
    });
}

function fingerprint(blob: string): string {
  const hash = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64');
  return `SHA256:${hash.replace(/=+$/, '')}`;
}
