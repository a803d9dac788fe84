/**
 * OpenSSH's client leaves Nagle's algorithm (RFC 896) on until it is logged in: it sends a second small
 * message only when the first is acknowledged. The kernel acknowledges with the next data that is sent,
 * or 40 ms later. Two messages of a login have no answer, so the two of them would take most of its time.
 */
import type { Socket } from 'node:net';
import type { Connection } from 'ssh2';
import { sendIgnored } from './internals.js';

/** Milliseconds that our offer waits for the client's, which may have come with the greeting. */
const offerMs = 50;

/** Called when the client's greeting is known (`OpenSSH_9.2p1`), before anything is offered. */
export function answerAtOnce(connection: Connection, socket: Socket, software: string): void {
  // Others turn Nagle's algorithm off themselves.
  if (!software.startsWith('OpenSSH_')) return;
  // Our offer acknowledges the client's, and does not cross it.
  socket.cork();
  const timer = setTimeout(letGo, offerMs);
  socket.once('data', letGo);
  socket.once('close', letGo);
  function letGo(): void {
    clearTimeout(timer);
    for (const event of ['data', 'close']) socket.removeListener(event, letGo);
    socket.uncork();
  }
  // Behind the client's NEWKEYS comes its first request, and nothing of ours.
  connection.once('handshake', () => {
    sendIgnored(connection);
  });
}
