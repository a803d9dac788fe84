/** What one client, and all of them together, may take of the engine. */

/** Milliseconds from the first byte to the end of the login, as in sshd_config(5), LoginGraceTime. */
export const loginMs = 20_000;

/**
 * Bytes that a client may send before it is logged in. A key exchange takes some kilobytes, an agent
 * full of keys a few more.
 */
export const loginBytes = 256 * 1024;

/** An agent sends a request for each of its keys; sshd's 6 fail people with many. */
export const loginTries = 20;

/** Wrong codes of one connection. */
export const codeTries = 3;

/** Connections that are not logged in, from one address and from all. Each takes some kilobytes. */
export const strangersFromOne = 64;
export const strangers = 256;

/**
 * Where there are more, milliseconds until the first of them have to go, and how many there may be until
 * then: of a hundred that are accepted at once none can have said a word.
 */
export const graceMs = 200;
export const strangersAtOnce = 1024;

/** Milliseconds for what a person has to type, or for the owner's answer, with some to spare. */
export const personMs = 150_000;

/** Connections of one key, and commands in all of them. */
export const connectionsOfKey = 16;
export const commandsOfKey = 12;

/** Bytes that a client has to take at a time. Those that are in use take 16 kB and more. */
export const smallestPacket = 1024;

/** As sshd_config(5), MaxSessions. */
export const sessionsOfOne = 10;

/** Milliseconds in which a key exchange has to end. */
export const exchangeMs = 30_000;

/** Milliseconds between two questions whether the client is still there; the fourth is not asked. */
export const keepaliveMs = 12_000;

/** Bytes for the network that may wait in this process, for each client. */
export const waitingBytes = 1024 * 1024;

/** Bytes of a command's output that are read at once; rsync writes up to 96 KiB. */
export const pieceBytes = 128 * 1024;

/** The same with the answers to what the client asks, of which each takes some bytes. */
export const waitingBytesInAll = waitingBytes + 256 * 1024;

/** Milliseconds that a command's output may take after its end, and a client's goodbye. */
export const lingerMs = 5000;
