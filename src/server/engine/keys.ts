/** What each key has of connections and commands. */
import type { Socket } from 'node:net';
import { commandsOfKey, connectionsOfKey } from './limits.js';

const connections = new Map<string, number>();
const commands = new Map<string, number>();

/**
 * Whether there is room for one more connection of this key, which is then taken until `socket` closes.
 *
 * SECURITY: each connection may have a megabyte wait in this process, and each command two
 * (test/attacks/serve-memory.test.ts).
 */
export function takeConnection(key: string, socket: Socket): boolean {
  const give = takeOne(connections, key, connectionsOfKey);
  if (give !== undefined) socket.once('close', give);
  return give !== undefined;
}

/** Takes the room of one more command, and returns what gives it back; undefined where there is none. */
export function takeCommandRoom(key: string): (() => void) | undefined {
  return takeOne(commands, key, commandsOfKey);
}

function takeOne(taken: Map<string, number>, key: string, most: number): (() => void) | undefined {
  const before = taken.get(key) ?? 0;
  if (before >= most) return undefined;
  taken.set(key, before + 1);
  return () => {
    const left = (taken.get(key) ?? 1) - 1;
    if (left === 0) taken.delete(key);
    else taken.set(key, left);
  };
}
