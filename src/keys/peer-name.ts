import { isPeerName } from '../gate/policy.js';

/** A peer name from outside text: what cannot stand in one becomes a dash. */
export function peerName(wish: string, fingerprint: string): string {
  const name = wish
    .replaceAll(/[^A-Za-z0-9._@+-]+/g, '-')
    .replace(/^[^A-Za-z0-9_]+/, '')
    .slice(0, 64)
    .replace(/[-.]+$/, '');
  return isPeerName(name) ? name : `peer-${fingerprint.slice(7, 15).replaceAll(/[+/]/g, '_')}`;
}
