import { createInterface } from 'node:readline/promises';
import { interrupt } from './interrupt.js';

/** Asks on the terminal; without one the answer is no. */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Of the key Ctrl-C readline makes an event of its own, behind which pysync would end without a word.
  terminal.on('SIGINT', () => {
    terminal.close();
    process.stderr.write('\n');
    interrupt();
  });
  try {
    return /^y(?:es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
