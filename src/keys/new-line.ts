/** The line of a newly imported key: whose it is called, where it came from and what it may do. */
import { isPeerName, type Access } from '../gate/policy.js';
import type { KeyLine } from './key-line.js';
import type { PublicKey } from './public-key.js';
import type { SourceResult } from './sources/index.js';

/** What every key of one import may do. */
export interface Rules {
  readonly launcher: string;
  readonly share: string;
  readonly access: Access;
  readonly allowDelete: boolean;
  readonly from: readonly string[];
  readonly expires: Date | undefined;
  /** The peer's name; undefined: as the source or the key suggests. */
  readonly name: string | undefined;
}

/** The line for a key that was read from a source. */
export function newKeyLine(
  { type, blob, comment, fingerprint }: PublicKey,
  { source, defaultName, account }: SourceResult,
  { launcher, share, access, allowDelete, from, expires, name }: Rules,
): KeyLine {
  const policy = {
    peer: name ?? peerName(defaultName ?? comment, fingerprint),
    key: fingerprint,
    share,
    access,
    allowDelete,
    source,
    ...(account === undefined ? {} : { account: account.id }),
    imported: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  };
  return { launcher, policy, from, expires, type, blob, comment };
}

/** A peer name from outside text: what cannot be in one becomes a dash. */
export function peerName(wish: string, fingerprint: string): string {
  const name = wish
    .replaceAll(/[^A-Za-z0-9._@+-]+/g, '-')
    .replace(/^[^A-Za-z0-9_]+/, '')
    .slice(0, 64)
    .replace(/[-.]+$/, '');
  return isPeerName(name) ? name : `peer-${fingerprint.slice(7, 15).replaceAll(/[+/]/g, '_')}`;
}
