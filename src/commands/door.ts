/** Strangers who knock at a running `pysync serve`, and the owner's answers. */
import { PysyncError } from '../errors.js';
import { importedKeys } from '../keys/imported.js';
import { listKnock } from '../server/knock-list.js';
import { knockMs, Knocks } from '../server/knocks.js';
import type { Knock, OnKnock, Outcome, Waiting } from '../server/knocks.js';
import { printJsonLine } from '../system/output.js';
import { readKeys } from '../system/key-presses.js';
import { letIn } from './strangers.js';
import type { Options } from './words/options.js';
import { claimedName, describeKnock, wish } from './views/knock-view.js';

export interface Door {
  readonly knocks: Knocks;
  /** The question on the owner's screen; empty while nobody waits. */
  readonly lines: () => readonly string[];
}

export interface DoorOptions {
  /** Those of the command line, for whoever is let in. */
  readonly options: Options;
  readonly share: string;
  readonly say: (line: string) => void;
  readonly asJson: boolean;
  /** Whether a person sees the question, and can press a key. */
  readonly isWatched: boolean;
}

/** One question on the owner's screen, which one key answers. */
interface Question {
  readonly asker: Waiting;
  readonly since: number;
  isAnswered: boolean;
}

/** Milliseconds that a question has to be on the screen before a key counts as its answer. */
const readingMs = 700;

export function openDoor({ options, share, say, asJson, isWatched }: DoorOptions): Door {
  let peers = new Set<string>();
  const tell: OnKnock = (knock, outcome) => {
    listKnock(knock, outcome).catch(() => undefined);
    if (asJson) printJsonLine(asEvent(knock, outcome));
    else if (outcome !== undefined)
      say(`${claimedName(knock)} (${knock.address}) ${endings[outcome]}`);
    else if (!isWatched) {
      say(`somebody who calls themselves ${claimedName(knock)} ${wish(knock.command, share)};`);
      say(`  to let them in: pysync let-in ${knock.fingerprint}`);
    }
    if (outcome === undefined) void importedNames().then((names) => (peers = names));
  };
  const knocks = new Knocks(tell);
  let question: Question | undefined;
  /** About the one who came first. */
  const ask = (): Question | undefined => {
    const [first] = isWatched ? knocks.waiting() : [];
    if (first === undefined) question = undefined;
    else if (first.knock !== question?.asker.knock)
      question = { asker: first, since: Date.now(), isAnswered: false };
    return question;
  };
  if (isWatched) {
    readKeys((key) => {
      const asked = ask();
      if (asked === undefined || asked.isAnswered || !/^[yon]$/.test(key)) return;
      if (Date.now() - asked.since < readingMs) return;
      asked.isAnswered = true;
      const { knock, answer } = asked.asker;
      if (key !== 'y') {
        answer(key === 'n' ? 'no' : 'once');
        return;
      }
      letIn(knock, options).then(
        () => {
          answer('yes');
        },
        (error: unknown) => {
          for (const line of sentences(error)) say(line);
          answer('no');
        },
      );
    });
  }
  return {
    knocks,
    lines: () => {
      const asked = ask();
      if (asked === undefined) return [];
      const { knock } = asked.asker;
      const left = Math.ceil((knock.since.getTime() + knockMs - Date.now()) / 1000);
      const others = knocks.waiting().length - 1;
      const more = others === 0 ? [] : [`    … and ${others} more after this one`];
      return ['', ...describeKnock(knock, share, peers, Math.max(0, left)), ...more];
    },
  };
}

const endings: Readonly<Record<Outcome, string>> = {
  yes: 'is let in from now on',
  once: 'is let in, this once',
  no: 'is not let in',
  late: 'has waited in vain; to let them in later: pysync knocks',
  gone: 'has gone again',
};

async function importedNames(): Promise<Set<string>> {
  return new Set((await importedKeys()).keys.map(({ policy }) => policy.peer));
}

function sentences(error: unknown): string[] {
  if (error instanceof PysyncError) return [`pysync: ${error.message}`, ...error.hints];
  return [`pysync: they could not be let in: ${String(error)}`];
}

function asEvent(knock: Knock, outcome: Outcome | undefined): object {
  return { event: outcome === undefined ? 'knock' : 'answer', ...knock, outcome };
}
