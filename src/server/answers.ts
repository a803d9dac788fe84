/** The answers to what the engine asks: who may log in, and what runs for whom. */
import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Policy } from '../gate/policy.js';
import { NotRsync, readCommand } from '../gate/request.js';
import { isLetInFrom } from '../keys/from.js';
import { fingerprintOf } from '../keys/key-line.js';
import { launcherPath } from '../launcher/install.js';
import { printable } from '../system/text.js';
import { admissionOf } from './admission.js';
import type { Code } from './codes.js';
import { runLauncher } from './commands.js';
import type { Command, Launch } from './commands.js';
import { admitGuest } from './guests.js';
import type { Knocks, Outcome } from './knocks.js';
import type { LoginAnswer, LoginQuestion, RunQuestion } from './messages.js';

/** Whom the owner lets in besides the keys in authorized_keys. */
export interface Strangers {
  /** Undefined where nobody may knock. */
  readonly knocks: Knocks | undefined;
  readonly code: Code | undefined;
  /** As in a line's `from=`: from where a stranger may come at all. */
  readonly from: readonly string[];
  /** What a guest may do: `user` is what they call themselves, `key` a fingerprint. */
  readonly guestPolicy: (user: string, key: string) => Policy;
}

export type OnNotice = (address: string, what: string) => void;

/** How one session is told what happens with it. */
export interface Tell {
  readonly say: (text: string) => void;
  readonly running: (path: string) => void;
  readonly ended: (status: number | string) => void;
}

/** Milliseconds between two looks whether somebody who waits was let in by another pysync. */
const lookMs = 500;

export class Answers {
  readonly #folder: string;
  readonly #strangers: Strangers;
  readonly #onNotice: OnNotice;
  readonly #commands = new Map<string, Command>();
  /** The sessions whose commands run or wait, and what tells them that their client is gone. */
  readonly #sessions = new Map<string, AbortController>();
  /** The user names of guests who have given the code, by what stands for their key. */
  readonly #guests = new Map<string, string>();
  isStopping = false;

  /** `folder` is where the sockets of commands are made. */
  constructor(folder: string, strangers: Strangers, onNotice: OnNotice) {
    this.#folder = folder;
    this.#strangers = strangers;
    this.#onNotice = onNotice;
  }

  running(): readonly Command[] {
    return [...this.#commands.values()];
  }

  async login(question: LoginQuestion): Promise<Omit<LoginAnswer, 'kind' | 'id'>> {
    if (question.code !== undefined) return this.#loginByCode(question.code, question);
    const admission = await admissionOf(question.key, question.address);
    if (admission.kind === 'in') return { verdict: 'in' };
    if (admission.kind === 'no') {
      this.#onNotice(question.address, `${fingerprintOf(question.key)} ${admission.why}`);
      return { verdict: 'no' };
    }
    const { knocks } = this.#strangers;
    const mayKnock =
      knocks !== undefined && this.#mayCome(question) && !knocks.isRefused(question.key);
    return { verdict: mayKnock ? 'knock' : 'no' };
  }

  #mayCome({ address }: Pick<LoginQuestion, 'address'>): boolean {
    return isLetInFrom(this.#strangers.from, address);
  }

  #loginByCode(text: string, { user, address }: LoginQuestion): Omit<LoginAnswer, 'kind' | 'id'> {
    if (!this.#mayCome({ address })) {
      this.#onNotice(address, 'gave a code, and is not let in from there');
      return { verdict: 'no' };
    }
    const taken = this.#strangers.code?.take(text, new Date()) ?? 'over';
    if (taken !== 'right') {
      this.#onNotice(
        address,
        taken === 'wrong' ? 'gave a wrong code' : 'came too late with a code',
      );
      return { verdict: 'no' };
    }
    const guest = `guest ${randomUUID()}`;
    this.#guests.set(guest, user);
    return { verdict: 'in', guest };
  }

  /** `name` is the session's, which no other has. */
  async run(question: RunQuestion, name: string, tell: Tell): Promise<void> {
    const refuse = (why: string): void => {
      tell.say(`pysync: ${why}\n`);
      tell.ended(1);
    };
    if (this.isStopping) {
      refuse('the receiving side is being stopped');
      return;
    }
    if (question.command.includes('\ufffd')) {
      refuse('the command is not UTF-8, so names in it cannot be told apart');
      return;
    }
    const gone = new AbortController();
    const hasGone = (): boolean => gone.signal.aborted;
    this.#sessions.set(name, gone);
    let leave: (() => Promise<void>) | undefined;
    try {
      const launch = await this.#launchFor(question, gone.signal, tell);
      if (typeof launch === 'string') {
        refuse(launch);
        return;
      }
      leave = launch.leave;
      if (hasGone()) {
        tell.ended(1);
        return;
      }
      const command = await runLauncher(launch, question, this.#folder, name);
      this.#commands.set(name, command);
      if (hasGone()) command.abandon();
      else tell.running(command.path);
      const status = await command.ended.catch((error: unknown) => {
        if (hasGone()) return 1;
        throw error;
      });
      tell.ended(status);
    } catch (error) {
      this.#onNotice('pysync', `could not start a transfer: ${String(error)}`);
      refuse('the receiving side has a problem; its owner can see it with: pysync doctor');
    } finally {
      this.#commands.delete(name);
      this.#sessions.delete(name);
      await leave?.();
    }
  }

  /** The client of a session is gone. */
  gone(name: string): void {
    this.#sessions.get(name)?.abort();
    this.#commands.get(name)?.abandon();
  }

  /** The engine is gone, and with it the clients of all sessions whose names begin so. */
  allGone(prefix: string): void {
    for (const name of this.#sessions.keys()) if (name.startsWith(prefix)) this.gone(name);
  }

  /** With which policy the launcher is started; a sentence where it is not. */
  async #launchFor(
    question: RunQuestion,
    gone: AbortSignal,
    tell: Tell,
  ): Promise<(Launch & { readonly leave?: () => Promise<void> }) | string> {
    const user = this.#guests.get(question.key);
    if (user !== undefined) {
      // One session, and not one more.
      this.#guests.delete(question.key);
      return this.#guest(user, fingerprintOf(Buffer.from(question.key).toString('base64')));
    }
    // SECURITY: at each command as the file is now, and not as it was at login.
    const admission = await admissionOf(question.key, question.address);
    if (admission.kind === 'in') return admission.line;
    const { knocks } = this.#strangers;
    const mayKnock = knocks !== undefined && this.#mayCome(question);
    if (admission.kind === 'no' || !mayKnock) return 'this key is not let in any more';
    if (!isRsync(question.command)) {
      return 'you are not known here; to ask to be let in, send a file with rsync';
    }
    const full = knocks.whyFull(question.address);
    if (full !== undefined) return `${full}; try again in a while`;
    const fingerprint = fingerprintOf(question.key);
    tell.say(
      `pysync: waiting for ${userInfo().username} to let you in; your key is ${fingerprint}\n`,
    );
    const outcome = await this.#askOwner(knocks, question, gone);
    if (outcome === 'once') return this.#guest(question.user, fingerprint);
    const now = await admissionOf(question.key, question.address);
    if (now.kind === 'in') return now.line;
    return refusals[outcome];
  }

  async #askOwner(knocks: Knocks, question: RunQuestion, gone: AbortSignal): Promise<Outcome> {
    const asked = knocks.ask(question, gone);
    const over = new AbortController();
    void asked.then(() => {
      over.abort();
    });
    void this.#lookOut(knocks, question, over.signal);
    return asked;
  }

  /** Another pysync may let in who waits here. */
  async #lookOut(knocks: Knocks, question: RunQuestion, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await wait(lookMs, undefined, { ref: false });
      if ((await admissionOf(question.key, question.address)).kind !== 'in') continue;
      for (const { knock, answer } of knocks.waiting()) {
        if (knock.blob === question.key) answer('yes');
      }
    }
  }

  async #guest(user: string, key: string): Promise<Launch & { leave: () => Promise<void> }> {
    const policy = this.#strangers.guestPolicy(printable(user), key);
    const launcher = launcherPath();
    return { launcher, policy, leave: await admitGuest(policy, launcher) };
  }
}

const refusals: Readonly<Record<Outcome, string>> = {
  yes: 'you could not be let in; the receiving side shows why',
  once: 'you could not be let in; the receiving side shows why',
  no: 'you were not let in',
  late: 'nobody was there to let you in; try again later',
  gone: 'you did not wait',
};

function isRsync(command: string): boolean {
  try {
    readCommand(command);
    return true;
  } catch (error) {
    // What it may not say is the gate's to refuse.
    return !(error instanceof NotRsync);
  }
}
