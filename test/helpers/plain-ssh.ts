/**
 * The beginning of an ssh connection by hand (RFC 4253): greeting and key exchange, up to where packets
 * are encrypted. For clients that do what no real one does.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { waitFor } from './tmp.js';

export const message = {
  disconnect: 1,
  keyExchangeInit: 20,
  newKeys: 21,
  ecdhInit: 30,
  ecdhReply: 31,
} as const;

export interface PlainSsh {
  readonly greeting: string;
  /** The server's, without the end of its line; known once a packet has come. */
  readonly serverGreeting: () => string;
  /** Each payload becomes a packet; they leave in one write. */
  readonly send: (...payloads: Buffer[]) => void;
  readonly sendRaw: (bytes: Buffer) => void;
  /** The payload of the next packet; throws where none comes. */
  readonly next: () => Promise<Buffer>;
  /** Waits until the server has closed the connection. */
  readonly closed: () => Promise<void>;
  /** The types of all packets that came so far. */
  readonly types: () => number[];
  readonly end: () => void;
}

/** Connects to an ssh server on this machine. */
export function connectPlainSsh(port: number): PlainSsh {
  const greeting = 'SSH-2.0-plain';
  const socket: Socket = connect(port, '127.0.0.1');
  const packets: Buffer[] = [];
  const types: number[] = [];
  let serverGreeting = '';
  let isClosed = false;
  let rest = Buffer.alloc(0);
  socket.on('data', (data: Buffer) => {
    rest = Buffer.concat([rest, data]);
    if (serverGreeting === '') {
      const end = rest.indexOf('\r\n');
      if (end < 0) return;
      serverGreeting = rest.toString('latin1', 0, end);
      rest = rest.subarray(end + 2);
    }
    // What follows the server's NEWKEYS is encrypted.
    while (rest.length >= 4 && !types.includes(message.newKeys)) {
      const length = rest.readUInt32BE(0);
      if (rest.length < 4 + length) return;
      const payload = rest.subarray(5, 4 + length - rest.readUInt8(4));
      rest = rest.subarray(4 + length);
      packets.push(payload);
      types.push(payload.readUInt8(0));
    }
  });
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  socket.write(`${greeting}\r\n`);
  return {
    greeting,
    serverGreeting: () => serverGreeting,
    send: (...payloads) => socket.write(Buffer.concat(payloads.map(packet))),
    sendRaw: (bytes) => socket.write(bytes),
    next: () => waitFor('a packet of the server', () => packets.shift()),
    closed: async () => {
      await waitFor('the end of the connection', () => isClosed);
    },
    types: () => types,
    end: () => socket.destroy(),
  };
}

/** SSH_MSG_KEXINIT of a client. `isGuessing`: the first packet of the first method follows at once. */
export function keyExchangeInit(methods: readonly string[], isGuessing = false): Buffer {
  const cipher = 'aes128-gcm@openssh.com';
  const lists = ['ssh-ed25519', cipher, cipher, 'hmac-sha2-256', 'hmac-sha2-256', 'none', 'none'];
  return Buffer.concat([
    Buffer.from([message.keyExchangeInit]),
    randomBytes(16),
    ...[methods.join(','), ...lists, '', ''].map(sshString),
    Buffer.from([isGuessing ? 1 : 0, 0, 0, 0, 0]),
  ]);
}

/** SSH_MSG_KEX_ECDH_INIT with the client's public value. */
export function ecdhInit(value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([message.ecdhInit]), sshString(value)]);
}

/** A string of RFC 4251: its length, then itself. */
export function sshString(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The strings that `bytes` consists of. */
export function sshStrings(bytes: Buffer): Buffer[] {
  const strings: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    strings.push(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at)));
  }
  return strings;
}

function packet(payload: Buffer): Buffer {
  const padding = 16 - ((5 + payload.length) % 8);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + payload.length + padding);
  head.writeUInt8(padding, 4);
  return Buffer.concat([head, payload, Buffer.alloc(padding)]);
}
