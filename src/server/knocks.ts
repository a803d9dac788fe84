/** Strangers who wait for the owner: keys that no line of the owner's has, and that have proved themselves. */
import { fingerprintOf, typeInside } from '../keys/key-line.js';
import type { RunQuestion } from './messages.js';

export interface Knock {
  readonly blob: string;
  readonly fingerprint: string;
  /** `ssh-ed25519`, as the key names it. */
  readonly type: string;
  /** The user name that the client asked for: a claim, of any characters. */
  readonly user: string;
  readonly address: string;
  readonly command: string;
  readonly since: Date;
}

type Answer = 'yes' | 'once' | 'no';

/** How a wait ended; `late`: nobody answered; `gone`: the client did not wait. */
export type Outcome = Answer | 'late' | 'gone';

export interface Waiting {
  readonly knock: Knock;
  readonly answer: (answer: Answer) => void;
}

/** Milliseconds that a stranger waits before the answer is no. */
export const knockMs = 120_000;

/** Strangers who wait at once. */
const mostWaiting = 5;

/** Called when somebody begins to wait, and again with how that has ended. */
export type OnKnock = (knock: Knock, outcome?: Outcome) => void;

export class Knocks {
  readonly #waiting = new Map<Knock, (outcome: Outcome) => void>();
  readonly #refused = new Set<string>();
  readonly #onKnock: OnKnock;

  constructor(onKnock: OnKnock) {
    this.#onKnock = onKnock;
  }

  /** Those who wait, the one who came first in front. */
  waiting(): Waiting[] {
    return [...this.#waiting].map(([knock, answer]) => ({ knock, answer }));
  }

  /** The owner has said no to this key; it is not asked about again. */
  isRefused(blob: string): boolean {
    return this.#refused.has(blob);
  }

  /** Why nobody else from this address can wait now; undefined where one can. */
  whyFull(address: string): string | undefined {
    const all = this.waiting();
    if (all.some(({ knock }) => knock.address === address)) {
      return 'somebody at your address is already waiting to be let in';
    }
    return all.length >= mostWaiting ? 'too many are waiting to be let in' : undefined;
  }

  /** Waits for an answer, until `gone` is aborted or the time is up. */
  async ask(question: RunQuestion, gone: AbortSignal): Promise<Outcome> {
    if (gone.aborted) return 'gone';
    const knock: Knock = {
      blob: question.key,
      fingerprint: fingerprintOf(question.key),
      type: typeInside(question.key) ?? 'a key',
      user: question.user,
      address: question.address,
      command: question.command,
      since: new Date(),
    };
    const outcome = await new Promise<Outcome>((resolve) => {
      this.#waiting.set(knock, resolve);
      this.#onKnock(knock);
      setTimeout(resolve, knockMs, 'late').unref();
      gone.addEventListener('abort', () => {
        resolve('gone');
      });
    });
    this.#waiting.delete(knock);
    if (outcome === 'no') this.#refused.add(knock.blob);
    this.#onKnock(knock, outcome);
    return outcome;
  }
}
