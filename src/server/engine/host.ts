/** The other process of `pysync serve`, as the engine sees it. */
import type { Client, LoginAnswer, Notice, RunQuestion, ToEngine, ToHost } from '../messages.js';

/** What the host says about one command. */
export interface Answers {
  readonly say: (text: string) => void;
  readonly running: (path: string) => void;
  readonly ended: (status: number | string) => void;
}

const logins = new Map<number, (answer: LoginAnswer) => void>();
const sessions = new Map<number, Answers>();
let last = 0;

function send(message: ToHost): void {
  process.send?.(message);
}

/** Whether this key may log in, or who has this code. */
export function askForLogin(client: Client & { readonly code?: string }): Promise<LoginAnswer> {
  const id = (last += 1);
  return new Promise((resolve) => {
    logins.set(id, resolve);
    send({ kind: 'login', id, ...client });
  });
}

/** Has a command run; returns what tells the host that its client is gone. */
export function askToRun(
  question: Omit<RunQuestion, 'kind' | 'session'>,
  answers: Answers,
): () => void {
  const session = (last += 1);
  sessions.set(session, answers);
  send({ kind: 'run', session, ...question });
  return () => {
    send({ kind: 'gone', session });
  };
}

export function tellReady(): void {
  send({ kind: 'ready' });
}

export function notice(address: string, what: Notice['what']): void {
  send({ kind: 'notice', address, what });
}

/** Takes what is an answer. */
export function take(message: ToEngine): void {
  switch (message.kind) {
    case 'login':
      takeLogin(message);
      break;
    case 'say':
      sessions.get(message.session)?.say(message.text);
      break;
    case 'running':
      sessions.get(message.session)?.running(message.path);
      break;
    case 'ended':
      sessions.get(message.session)?.ended(message.status);
      sessions.delete(message.session);
      break;
    case 'start':
    case 'networks':
      break;
  }
}

function takeLogin(answer: LoginAnswer): void {
  logins.get(answer.id)?.(answer);
  logins.delete(answer.id);
}
