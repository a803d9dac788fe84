/**
 * What ssh2 keeps to itself and has to be known here: its version is pinned for that, and
 * test/attacks/serve-memory.test.ts holds what depends on it.
 */
import type { Socket } from 'node:net';
import type { Connection, Session } from 'ssh2';

interface Inside {
  readonly _sock: Socket;
  readonly _protocol: { readonly _kexinit: unknown; _offer: unknown };
}

const inside = (connection: Connection): Inside => connection as unknown as Inside;

/** The connection's TCP socket. */
export function socketOf(connection: Connection): Socket {
  return inside(connection)._sock;
}

/** Whether a key exchange is going on, in which ssh2 keeps all that is sent. */
export function isExchanging(connection: Connection): boolean {
  return inside(connection)._protocol._kexinit !== undefined;
}

/** Replaces what is offered to this client, as long as nothing was sent. */
export function setOffer(connection: Connection, offer: unknown): void {
  inside(connection)._protocol._offer = offer;
}

/** How many bytes of data the client takes at a time (RFC 4254, 5.1). */
export function packetSizeOf(session: Session): number {
  const { _chanInfo } = session as unknown as {
    readonly _chanInfo: { readonly outgoing: { readonly packetSize: number } };
  };
  return _chanInfo.outgoing.packetSize;
}
