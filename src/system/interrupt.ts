/**
 * Ctrl-C, a polite kill, and a terminal that is closed. Most of the time pysync ends at once; inside
 * `undoable` the tool that runs is ended and what was begun is undone first. A second Ctrl-C ends
 * it in any case, and the next pysync undoes what is left. Either way one line says what was done
 * and what is left.
 */
import { writeSync } from 'node:fs';
import { PysyncError } from '../errors.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let depth = 0;
let interrupted = false;
let isUnwinding = false;
let told = '';
const running = new Set<() => void>();

/** Whether Ctrl-C came. */
export function wasInterrupted(): boolean {
  return interrupted;
}

/**
 * What a person is told who interrupts from here on: what was done, and what is left, as it completes
 * "interrupted: …". The empty text is for what has no other end, and says nothing.
 */
export function whenInterrupted(text: string): void {
  told = text;
}

/** The line about an interruption that nothing more is known of; empty where none is wanted. */
export function interruptedLine(): string {
  return told === '' ? '' : `interrupted: ${told}`;
}

/** Runs `body`, which undoes its work when one of its steps fails. */
export async function undoable<T>(body: () => Promise<T>): Promise<T> {
  depth += 1;
  try {
    return await body();
  } finally {
    depth -= 1;
  }
}

/**
 * Between two steps of what can be undone: throws PysyncError `INTERRUPTED` once after Ctrl-C, and not
 * again, since undoing it takes the same steps.
 */
export function stopIfInterrupted(): void {
  if (!interrupted || isUnwinding) return;
  isUnwinding = true;
  throw new PysyncError('INTERRUPTED', 'interrupted');
}

/** Has `end` called when Ctrl-C comes, until the function that is returned is. */
export function endWhenInterrupted(end: () => void): () => void {
  running.add(end);
  return () => running.delete(end);
}

/** Takes over the signals; called once, by cli.ts. */
export function endOnInterrupt(): void {
  // Of a terminal that was closed; what has to be undone must not fail for that.
  process.stderr.on('error', () => undefined);
  for (const signal of signals) process.on(signal, interrupt);
}

/** What Ctrl-C does; for a key that reaches us as a key. */
export function interrupt(): void {
  for (const end of running) end();
  if (depth > 0 && !interrupted) {
    interrupted = true;
    return;
  }
  const again = 'what was begun is not undone yet; the next pysync or transfer does that';
  sayNow(interrupted ? `interrupted: ${again}` : interruptedLine());
  process.exit(130);
}

/**
 * Takes away what a package that was just loaded has put on the signals beside us. Conf's own sends
 * each of them a second time, which would count as the owner's second Ctrl-C: nothing that was begun
 * could be undone.
 */
export function keepSignals(): void {
  for (const signal of signals) {
    const listeners = process.listeners(signal);
    if (!listeners.includes(interrupt)) continue;
    for (const other of listeners) if (other !== interrupt) process.off(signal, other);
  }
}

/** Written at once, over a line of progress and the `^C` that the terminal shows. */
function sayNow(line: string): void {
  if (line === '') return;
  const clear = process.stderr.isTTY && process.env['TERM'] !== 'dumb' ? '\r\u001b[K' : '';
  try {
    writeSync(2, `${clear}pysync: ${line}\n`);
  } catch {
    // Nobody is there any more to read it.
  }
}
