/**
 * What is offered to which client. AES-GCM is by far the fastest that Node has, but OpenSSH takes
 * chacha20 or CTR where they are offered as well; dropbear and older paramiko have no GCM at all.
 */
import { createRequire } from 'node:module';
import type { Connection, ServerConfig } from 'ssh2';
import { setOffer } from './internals.js';

type Algorithms = NonNullable<ServerConfig['algorithms']>;

/**
 * No group exchange, which ssh2 offers and has not written, and nothing of SHA-1. The first one is not
 * what dropbear guesses.
 */
const common = {
  kex: [
    'curve25519-sha256@libssh.org',
    'mlkem768x25519-sha256',
    'curve25519-sha256',
    'ecdh-sha2-nistp256',
  ],
  serverHostKey: ['ssh-ed25519'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256'],
  compress: ['none'],
} as const;

const gcm = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'] as const;
const others = ['aes128-ctr', 'aes256-ctr', 'chacha20-poly1305@openssh.com'] as const;

export const algorithms = { ...common, cipher: [...gcm, ...others] } as unknown as Algorithms;

/** Called when the client's greeting is known (`OpenSSH_9.2p1`), before anything is offered. */
export function offerFor(connection: Connection, software: string): void {
  if (/^(?:OpenSSH_|PuTTY_Release)/.test(software)) setOffer(connection, onlyGcm());
}

let made: unknown;

/** Made as ssh2's server makes its own. */
function onlyGcm(): unknown {
  const { KexInit } = createRequire(__filename)('ssh2/lib/protocol/kex.js') as {
    KexInit: new (lists: object) => unknown;
  };
  const both = { cipher: [...gcm], mac: [...common.hmac], compress: ['none'], lang: [] };
  return (made ??= new KexInit({
    kex: [...common.kex, 'kex-strict-s-v00@openssh.com'],
    serverHostKey: [...common.serverHostKey],
    cs: both,
    sc: both,
  }));
}
