/** How the sockets of clients are written to. */
import type { Socket } from 'node:net';
import { waitingBytesInAll } from './limits.js';

/**
 * Sends what is written in one turn as one packet and at once, and reads on only when the client has read
 * the answers.
 *
 * SECURITY: nearly everything that a client asks for is answered, and ssh2 keeps the answers of one that
 * reads none (test/attacks/serve-memory.test.ts).
 */
export function prepareSocket(socket: Socket): void {
  socket.setNoDelay(true);
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let isCorked = false;
  socket.write = (...args: unknown[]) => {
    if (!isCorked) {
      isCorked = true;
      socket.cork();
      process.nextTick(() => {
        isCorked = false;
        socket.uncork();
      });
    }
    const isRoom = write(...args);
    if (socket.writableLength > waitingBytesInAll && !socket.isPaused()) {
      socket.pause();
      socket.once('drain', () => socket.resume());
    }
    return isRoom;
  };
}
