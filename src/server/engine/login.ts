/**
 * Who a client is (RFC 4252): keys and codes are looked up by the host, and keys are proved here. Any
 * user name will do.
 */
import type {
  AuthContext,
  AuthenticationType,
  Connection,
  KeyboardAuthContext,
  PublicKeyAuthContext,
} from 'ssh2';
import type { Verdict } from '../messages.js';
import { askForLogin } from './host.js';
import { codeTries, loginTries } from './limits.js';
import { isKnownType, isProved } from './verify.js';

/** The key that has logged in, or what stands for it, and the user name that was asked for. */
export interface Identity {
  readonly key: string;
  readonly user: string;
  /** Whether its commands wait for the owner. */
  readonly isStranger: boolean;
}

export interface Ways {
  readonly pairs: boolean;
  readonly takesCode: boolean;
}

/** Called when the client may ask a person for something that takes a while. */
interface Asking {
  readonly typing: () => void;
}

const onlyKeys: AuthenticationType[] = ['publickey'];
const all: AuthenticationType[] = ['publickey', 'keyboard-interactive'];

/** Logs one client in. */
export class Login {
  readonly #address: string;
  readonly #ways: Ways & Asking;
  /**
   * Whether a stranger's key is taken at once. OpenSSH tries one key after the other, of which a later
   * one may be known; when it has no more it asks for a conversation, and is taken then.
   */
  readonly #takesStrangersAtOnce: boolean;
  /** The first of its keys that is unknown and has proved itself. */
  #strange: Identity | undefined;
  #identity: Identity | undefined;
  #tries = 0;
  #wrongCodes = 0;

  constructor(
    connection: Connection,
    software: string,
    address: string,
    ways: Ways & Asking,
    loggedIn: (identity: Identity) => void,
  ) {
    this.#address = address;
    this.#ways = ways;
    this.#takesStrangersAtOnce = !software.startsWith('OpenSSH_');
    // SECURITY: not before ssh2 takes it for logged in. It drops an answer that comes while the client has
    // gone on to another way (test/attacks/serve-logins.test.ts).
    connection.once('ready', () => {
      if (this.#identity !== undefined) loggedIn(this.#identity);
    });
    connection.on('authentication', (context) => {
      this.#tries += 1;
      if (this.#tries > loginTries) connection.end();
      else this.#answer(context).catch(() => connection.end());
    });
  }

  async #answer(context: AuthContext): Promise<void> {
    if (context.method === 'publickey') await this.#takeKey(context);
    else if (context.method === 'keyboard-interactive') this.#converse(context);
    else context.reject(this.#methods());
  }

  #methods(): AuthenticationType[] {
    return this.#ways.pairs || this.#ways.takesCode ? all : onlyKeys;
  }

  async #takeKey(context: PublicKeyAuthContext): Promise<void> {
    const isSigned = context.signature !== undefined;
    // SECURITY: a key that was only named is nobody's; a stranger's has to prove itself as well
    // (test/attacks/serve-logins.test.ts).
    const isGood = isKnownType(context.key.algo) && (!isSigned || hasSigned(context));
    const key = context.key.data.toString('base64');
    const { username: user, hashAlgo } = context;
    const verdict = isGood ? await this.#verdictOn(key, user) : 'no';
    const mayWait = verdict === 'knock' && !this.#takesStrangersAtOnce;
    const identity = { key, user, isStranger: verdict === 'knock' };
    if (mayWait && isSigned) this.#strange ??= identity;
    if (verdict === 'no' || (mayWait && (isSigned || this.#strange !== undefined))) {
      context.reject(this.#methods());
      return;
    }
    if (isSigned) {
      this.#letIn(context, identity);
      return;
    }
    // Its key may have a passphrase.
    this.#ways.typing();
    // The name that the client has used (RFC 4252, 7): dropbear makes its signature as it is told here.
    if (hashAlgo !== undefined) context.key.algo = `rsa-sha2-${hashAlgo.replace('sha', '')}`;
    context.accept();
  }

  async #verdictOn(key: string, user: string): Promise<Verdict> {
    return (await askForLogin({ key, user, address: this.#address })).verdict;
  }

  /** What is asked of a client that has shown all its keys. */
  #converse(context: KeyboardAuthContext): void {
    const strange = this.#strange;
    const knock = (): void => {
      if (strange === undefined) return;
      this.#letIn(context, strange);
    };
    if (this.#ways.takesCode && this.#wrongCodes < codeTries) {
      const prompt = strange === undefined ? 'Code: ' : 'Code, or Enter to knock: ';
      const take = (code: string): void => {
        if (code === '' && strange !== undefined) knock();
        else
          this.#takeCode(context, code).catch(() => {
            context.reject(onlyKeys);
          });
      };
      this.#ways.typing();
      context.prompt([{ prompt, echo: true }], 'pysync', answered(context, take));
    } else if (strange !== undefined) {
      knock();
    } else if (this.#tries > 2) {
      // It has keys, and one of them was refused, or codes.
      context.reject(onlyKeys);
    } else {
      const end = (): void => {
        context.reject(onlyKeys);
      };
      context.prompt([], 'pysync', howToMakeAKey, answered(context, end));
    }
  }

  async #takeCode(context: KeyboardAuthContext, code: string): Promise<void> {
    const user = context.username;
    const answer = await askForLogin({ key: '', user, address: this.#address, code });
    if (answer.guest === undefined) {
      this.#wrongCodes += 1;
      this.#converse(context);
      return;
    }
    this.#letIn(context, { key: answer.guest, user, isStranger: false });
  }

  #letIn(context: AuthContext, identity: Identity): void {
    this.#identity = identity;
    context.accept();
  }
}

const howToMakeAKey = 'You have no ssh key. To make one: ssh-keygen -t ed25519   Then try again.';

/** The first answer to a prompt, as ssh2 gives it; none where the client does something else instead. */
function answered(
  context: KeyboardAuthContext,
  take: (answer: string) => void,
): (answers: unknown) => void {
  return (answers) => {
    if (!Array.isArray(answers)) {
      context.reject(onlyKeys);
      return;
    }
    const [first] = answers as unknown[];
    take(typeof first === 'string' ? first.slice(0, 100) : '');
  };
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
