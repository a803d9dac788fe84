/**
 * What the two processes of `pysync serve` say to each other. The engine speaks ssh to the network, in a
 * sandbox in which nothing of the owner's can be seen; the host, outside it, answers for keys and starts
 * the launcher. Another engine would take the same messages.
 */

/** The first message to the engine, which listens on a socket that it was started with. */
export interface Start {
  readonly kind: 'start';
  /** The host key, in the format of ssh-keygen. */
  readonly hostKey: string;
  readonly networks: readonly string[];
  /** Whether strangers may knock, and whether there is a code. */
  readonly pairs: boolean;
  readonly takesCode: boolean;
}

/** The networks from which clients are answered, as `192.168.1.0/24`; none: any. */
interface Networks {
  readonly kind: 'networks';
  readonly networks: readonly string[];
}

/** Whether a key may log in; `knock`: as a stranger, whose commands wait for the owner. */
export type Verdict = 'in' | 'knock' | 'no';

/** The answer to `LoginQuestion`. */
export interface LoginAnswer {
  readonly kind: 'login';
  readonly id: number;
  readonly verdict: Verdict;
  /** Stands for the key of a guest who has none. */
  readonly guest?: string;
}

/** A text for the sender, to be shown at once. */
interface Say {
  readonly kind: 'say';
  readonly session: number;
  readonly text: string;
}

/**
 * The command runs: its standard input, output and errors are the first, second and third connection
 * that is made to the Unix socket at `path`, which has to be seen in the sandbox.
 */
interface Running {
  readonly kind: 'running';
  readonly session: number;
  readonly path: string;
}

/** The command has ended, or never ran. A signal by its name, as `SIGTERM`. */
interface Ended {
  readonly kind: 'ended';
  readonly session: number;
  readonly status: number | string;
}

export type ToEngine = Start | Networks | LoginAnswer | Say | Running | Ended;

/** What an ssh client shows of itself. All of it but `address` is its own claim. */
export interface Client {
  /** The key's blob in base64 (RFC 4253, 6.6); not proved yet where a login is asked for. */
  readonly key: string;
  readonly user: string;
  readonly address: string;
}

export interface LoginQuestion extends Client {
  readonly kind: 'login';
  readonly id: number;
  /** In place of a key, which is empty then. */
  readonly code?: string;
}

/** A client that is logged in asks for a command; the empty one is a shell. */
export interface RunQuestion extends Client {
  readonly kind: 'run';
  readonly session: number;
  /** As in SSH_CONNECTION. */
  readonly connection: string;
  readonly command: string;
}

/** The client of a session is gone. */
interface Gone {
  readonly kind: 'gone';
  readonly session: number;
}

/** The engine listens. */
interface Ready {
  readonly kind: 'ready';
}

/** Something about a connection that the owner may want to know. */
export interface Notice {
  readonly kind: 'notice';
  readonly address: string;
  /** As it completes the address: `failed to log in`. */
  readonly what: string;
}

export type ToHost = LoginQuestion | RunQuestion | Gone | Ready | Notice;

/**
 * What the host takes of an engine, which may have been taken over. SECURITY: a session's number becomes a
 * file's name; undefined for whatever is not one of these messages (test/unit/server/messages.test.ts).
 */
export function readToHost(value: unknown): ToHost | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const message = value as Readonly<Record<string, unknown>>;
  const areTexts = (...names: string[]): boolean =>
    names.every((name) => typeof message[name] === 'string');
  const isNumber = (name: string): boolean => Number.isSafeInteger(message[name]);
  const { kind, code } = message;
  const isWhole =
    kind === 'ready' ||
    (kind === 'gone' && isNumber('session')) ||
    (kind === 'notice' && areTexts('address', 'what')) ||
    (kind === 'run' && isNumber('session') && areTexts(...ofClient, 'connection', 'command')) ||
    (kind === 'login' &&
      isNumber('id') &&
      areTexts(...ofClient) &&
      (code === undefined || typeof code === 'string'));
  return isWhole ? (value as ToHost) : undefined;
}

const ofClient = ['key', 'user', 'address'] as const;

/** The descriptors that the engine is started with, besides the three usual ones. */
export const messageDescriptor = 3;
export const listeningDescriptor = 4;
