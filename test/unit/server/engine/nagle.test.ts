import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { Connection } from 'ssh2';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answerAtOnce } from '../../../../src/server/engine/nagle.js';

/** The socket of a client that was greeted just now, with the offer that ssh2 makes then. */
function greet(software: string): { readonly socket: Writable; readonly sent: string[] } {
  const sent: string[] = [];
  const socket = new Writable({
    write: (data: Buffer, _encoding, done) => {
      sent.push(data.toString());
      done();
    },
  });
  answerAtOnce(new EventEmitter() as unknown as Connection, socket as unknown as Socket, software);
  socket.write('our offer');
  return { socket, sent };
}

describe('our offer', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is the answer to that of OpenSSH', () => {
    const { socket, sent } = greet('OpenSSH_9.2p1');
    expect(sent).toEqual([]);
    socket.emit('data', Buffer.from('an offer'));
    expect(sent).toEqual(['our offer']);
  });

  it('is made without one that does not come', () => {
    const { socket, sent } = greet('OpenSSH_9.2p1');
    vi.runAllTimers();
    expect(sent).toEqual(['our offer']);
    socket.emit('data', Buffer.from('an offer'));
    expect(socket.writableCorked).toBe(0);
  });

  it('is made at once to other clients', () => {
    expect(greet('PuTTY_Release_0.83').sent).toEqual(['our offer']);
  });
});
