/**
 * An ssh client that keeps to no rule: ssh2's own, of which only the transport is used. What it sends
 * behind the key exchange is made by hand, and nothing is read or answered unless a test does.
 */
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import ssh2 from 'ssh2';
import type { ConnectConfig } from 'ssh2';
import { sshString } from './plain-ssh.js';
import { waitFor } from './tmp.js';

/** Types of messages (RFC 4250, 4.1.2). */
export const types = {
  disconnect: 1,
  ignore: 2,
  debug: 4,
  serviceRequest: 5,
  authRequest: 50,
  authFailure: 51,
  authSuccess: 52,
  keyIsFine: 60,
  infoResponse: 61,
  globalRequest: 80,
  requestFailure: 82,
  channelOpen: 90,
  channelConfirmation: 91,
  channelFailure: 92,
  windowAdjust: 93,
  data: 94,
  extendedData: 95,
  eof: 96,
  close: 97,
  request: 98,
  requestSucceeded: 99,
  requestFailed: 100,
} as const;

type Algorithms = NonNullable<ConnectConfig['algorithms']>;

/** A payload: bytes, and numbers for single ones. */
export type Message = readonly (Buffer | number)[];

export interface HostileSsh {
  readonly socket: Socket;
  /** Sends a payload, encrypted. */
  readonly send: (...parts: Message) => void;
  /** The payloads that came so far behind the first key exchange. */
  readonly received: () => readonly Buffer[];
  /** Waits for the first message of this type, or for the one after `skipped` of them. */
  readonly wait: (type: number, skipped?: number) => Promise<Buffer>;
  /** What signatures of this connection are bound to. */
  readonly sessionId: () => Buffer;
  /** Begins a key exchange, and hears nothing any more: it will never go on. */
  readonly beginExchange: () => void;
  readonly isClosed: () => boolean;
  /** Waits until the server has closed the connection. */
  readonly closed: () => Promise<void>;
  readonly end: () => void;
}

export interface HostileOptions {
  readonly port: number;
  /** Of the server. */
  readonly address?: string;
  /** Of the client. */
  readonly localAddress?: string;
  /** The private key to log in with; without one it stays at the door. */
  readonly key?: string | Buffer;
  readonly algorithms?: Algorithms;
}

/** What ssh2 keeps to itself. */
interface Insides {
  readonly _protocol: Protocol;
}

interface Protocol {
  _onPayload: (payload: Buffer) => unknown;
  readonly _kex: { readonly sessionID: Buffer };
  readonly _handlers: Record<string, unknown>;
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number;
      readonly alloc: (size: number) => Buffer;
      readonly finalize: (packet: Buffer) => Buffer;
    };
  };
  rekey(): void;
}

const { sendPacket } = createRequire(import.meta.url)('ssh2/lib/protocol/utils.js') as {
  sendPacket: (protocol: Protocol, packet: Buffer) => void;
};

/** Connects and exchanges keys; with a key it logs in as well. */
export async function connectHostile(options: HostileOptions): Promise<HostileSsh> {
  const { port, address = '127.0.0.1', localAddress, key, algorithms } = options;
  const socket = connect({
    port,
    host: address,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  socket.setNoDelay(true);
  const client = new ssh2.Client();
  client.on('error', () => undefined);
  let isClosed = false;
  socket.on('close', () => (isClosed = true));
  const over = once(socket, 'close').then(() => false);
  client.connect({
    sock: socket,
    username: 'mallory',
    readyTimeout: 0,
    ...(key === undefined ? {} : { privateKey: key }),
    ...(algorithms === undefined ? {} : { algorithms }),
    // Without a key nothing is asked for: the test speaks.
    ...(key === undefined ? { authHandler: () => undefined } : {}),
  });
  const protocol = (client as unknown as Insides)._protocol;
  // What the server says about logins is the test's to answer, too: ssh2 would give up.
  if (key === undefined) {
    const words = ['FAILURE', 'SUCCESS', 'PK_OK', 'INFO_REQUEST', 'BANNER'];
    for (const word of words) protocol._handlers[`USERAUTH_${word}`] = () => undefined;
  }
  const received: Buffer[] = [];
  const original = protocol._onPayload;
  protocol._onPayload = (payload) => {
    received.push(Buffer.from(payload));
    return original(payload);
  };
  const isIn = await Promise.race([
    once(client, key === undefined ? 'handshake' : 'ready').then(() => true),
    over,
  ]);
  if (!isIn) throw new Error('the server has closed the connection');
  const connection: HostileSsh = {
    socket,
    send: (...parts) => {
      const payload = Buffer.concat(
        parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)),
      );
      const { write } = protocol._packetRW;
      const packet = write.alloc(payload.length);
      packet.set(payload, write.allocStart);
      if (!isClosed) sendPacket(protocol, write.finalize(packet));
    },
    received: () => received,
    wait: (type, skipped = 0) =>
      waitFor(`message ${type}`, () => received.filter(([first]) => first === type)[skipped]),
    sessionId: () => protocol._kex.sessionID,
    beginExchange: () => {
      protocol.rekey();
      socket.removeAllListeners('data').resume();
    },
    isClosed: () => isClosed,
    closed: async () => {
      await waitFor('the end of the connection', () => isClosed);
    },
    end: () => {
      client.destroy();
      socket.destroy();
    },
  };
  return connection;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface OpenOptions {
  readonly window?: number;
  readonly packet?: number;
}

/** Opens a session, and gives the number of the server's for it. */
export async function openSessionOf(
  client: HostileSsh,
  { window = 0x7fffffff, packet = 0x8000 }: OpenOptions = {},
): Promise<number> {
  const isAnswer = ([type]: Buffer): boolean =>
    type === types.channelConfirmation || type === types.channelFailure;
  const before = client.received().filter(isAnswer).length;
  client.send(
    types.channelOpen,
    sshString('session'),
    uint32(before),
    uint32(window),
    uint32(packet),
  );
  const answer = await waitFor('a session', () => client.received().filter(isAnswer)[before]);
  if (answer[0] !== types.channelConfirmation) throw new Error('no session');
  return answer.readUInt32BE(5);
}

/** Runs a command in the server's session of this number. */
export function execIn(client: HostileSsh, session: number, command: string): void {
  client.send(...[types.request, uint32(session), sshString('exec')], ...[1, sshString(command)]);
}
