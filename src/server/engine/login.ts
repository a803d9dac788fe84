/** Who a client is: keys are looked up by the host, and proved here (RFC 4252). */
import type { AuthContext, Connection, PublicKeyAuthContext } from 'ssh2';
import { askForLogin } from './host.js';
import { loginTries } from './limits.js';
import { isKnownType, isProved } from './verify.js';

/** The key that has logged in, and the user name that was asked for. */
export interface Identity {
  readonly key: string;
  readonly user: string;
}

const methods: ['publickey'] = ['publickey'];

/** Calls `loggedIn` once a key has proved itself. Any user name will do. */
export function takeLogins(
  connection: Connection,
  address: string,
  loggedIn: (identity: Identity) => void,
): void {
  let tries = 0;
  connection.on('authentication', (context) => {
    tries += 1;
    if (tries > loginTries) {
      connection.end();
      return;
    }
    answer(context, address, loggedIn).catch(() => {
      connection.end();
    });
  });
}

async function answer(
  context: AuthContext,
  address: string,
  loggedIn: (identity: Identity) => void,
): Promise<void> {
  if (context.method !== 'publickey' || !isKnownType(context.key.algo)) {
    context.reject(methods);
    return;
  }
  const key = context.key.data.toString('base64');
  const user = context.username;
  const isSigned = context.signature !== undefined;
  // SECURITY: a key that only was named is nobody's; what comes of `knock` has proved itself as well
  // (test/attacks/serve-logins.test.ts).
  if (isSigned && !hasSigned(context)) {
    context.reject(methods);
    return;
  }
  if ((await askForLogin({ key, user, address })) === 'no') {
    context.reject(methods);
    return;
  }
  if (isSigned) loggedIn({ key, user });
  context.accept();
}

function hasSigned({ key, blob, signature, hashAlgo }: PublicKeyAuthContext): boolean {
  if (blob === undefined || signature === undefined) return false;
  return isProved({
    algorithm: key.algo,
    key: key.data,
    signed: blob,
    signature,
    hash: hashAlgo,
  });
}
