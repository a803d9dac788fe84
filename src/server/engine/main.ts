/**
 * The process of `pysync serve` that speaks ssh to the network. It runs in a sandbox without network
 * (server/box.ts): all it has is the listening socket that it was started with, and the host's answers.
 */
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { Server } from 'ssh2';
import type { Connection } from 'ssh2';
import { listeningDescriptor } from '../messages.js';
import type { Start, ToEngine } from '../messages.js';
import { algorithms, offerFor } from './algorithms.js';
import { notice, take, tellReady } from './host.js';
import { isExchanging, socketOf } from './internals.js';
import { takeConnection } from './keys.js';
import { exchangeMs, keepaliveMs, loginBytes, sessionsOfOne } from './limits.js';
import { Login } from './login.js';
import type { Ways } from './login.js';
import { answerAtOnce } from './nagle.js';
import { missingPatches } from './patched.js';
import { setNetworks, isOurs } from './networks.js';
import { takeCommand } from './session.js';
import { prepareSocket } from './socket.js';
import { Strangers } from './strangers.js';

const strangers = new Strangers();

function start({ hostKey, networks, ...ways }: Start): void {
  const missing = missingPatches();
  if (missing.length > 0) throw new Error(`ssh2 lacks pysync's patches (${missing.join(', ')})`);
  setNetworks(networks);
  Object.assign(Server, { KEEPALIVE_CLIENT_INTERVAL: keepaliveMs });
  const ssh = new Server({ hostKeys: [hostKey], ident: 'pysync', algorithms });
  ssh.on('connection', (connection, { header }) => {
    welcome(connection, header.versions.software, ways);
  });
  ssh.on('error', () => undefined);
  const server = createServer((socket) => {
    admit(socket, ssh);
  });
  server.listen({ fd: listeningDescriptor }, () => {
    process.on('uncaughtException', goOn);
    tellReady();
  });
}

/**
 * One client may have found a fault of ssh2's or ours. To end would cut off all the others, and whoever
 * knows the fault could do so again and again.
 */
function goOn(error: unknown): void {
  notice('pysync', `has a fault that one connection ran into: ${String(error)}`);
}

/** A connection that was just accepted. */
function admit(socket: Socket, ssh: Server): void {
  socket.on('error', () => undefined);
  const address = addressOf(socket.remoteAddress);
  if (!isOurs(address)) {
    socket.destroy();
    notice(address, 'is not on a network of this machine');
    return;
  }
  strangers.add(socket, address);
  prepareSocket(socket);
  ssh.injectSocket(socket);
  // SECURITY: ssh2 keeps whatever a client asks for while one login is being decided
  // (test/attacks/serve-memory.test.ts).
  socket.on('data', () => {
    if (strangers.has(socket) && socket.bytesRead > loginBytes) socket.destroy();
  });
}

/** A client whose greeting was read. */
function welcome(connection: Connection, software: string, ways: Ways): void {
  const socket = socketOf(connection);
  const address = addressOf(socket.remoteAddress);
  const route = [address, socket.remotePort, addressOf(socket.localAddress), socket.localPort].join(
    ' ',
  );
  // ssh2 would wait for the goodbye of a client that may be asleep, and so would its rsync; and one that
  // has said its own would have to read what still waits.
  connection.on('error', () => {
    socket.destroy();
  });
  connection.once('end', () => {
    socket.destroy();
  });
  strangers.comesTo(socket, 'greeted');
  offerFor(connection, software);
  answerAtOnce(connection, socket, software);
  connection.once('handshake', () => {
    strangers.comesTo(socket, 'encrypted');
  });
  watchExchanges(connection, socket);
  const typing = (): void => {
    strangers.waits(socket, 'typing');
  };
  new Login(connection, software, address, { ...ways, typing }, ({ isStranger, ...identity }) => {
    if (!takeConnection(identity.key, socket)) {
      notice(address, 'has too many connections');
      connection.end();
      return;
    }
    const letIn = (): void => {
      strangers.remove(socket);
    };
    if (isStranger) strangers.waits(socket, 'knocking');
    else letIn();
    let sessions = 0;
    // Each of them looks out for the end of the connection.
    connection.setMaxListeners(2 * sessionsOfOne);
    connection.on('session', (accept, reject) => {
      if (sessions >= sessionsOfOne) {
        reject();
        return;
      }
      sessions += 1;
      const over = (): void => {
        sessions -= 1;
      };
      const visitor = { ...identity, address, connection: route };
      takeCommand(connection, accept(), visitor, { running: letIn, over });
    });
  });
}

/** Ends a client that begins a key exchange and never goes on: it holds a transfer. */
function watchExchanges(connection: Connection, socket: Socket): void {
  let since: number | undefined;
  const timer = setInterval(() => {
    if (!isExchanging(connection)) since = undefined;
    else if (since === undefined) since = Date.now();
    else if (Date.now() - since >= exchangeMs) socket.destroy();
  }, exchangeMs / 10);
  socket.once('close', () => {
    clearInterval(timer);
  });
}

/** An IPv4 client of a socket for both is `::ffff:192.168.1.7`. */
function addressOf(address = ''): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

process.on('message', (message: ToEngine) => {
  if (message.kind === 'start') start(message);
  else if (message.kind === 'networks') setNetworks(message.networks);
  else take(message);
});
process.on('disconnect', () => process.exit());
