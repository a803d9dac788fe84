/**
 * The way in, and the only place that turns an error into text and an exit status: 0 done, 1 failed,
 * 2 wrong usage, 130 interrupted.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { CommandModule } from './commands/index.js';
import { PysyncError, errnoOf } from './errors.js';
import {
  endOnInterrupt,
  interruptedLine,
  wasInterrupted,
  whenInterrupted,
} from './system/interrupt.js';
import { version } from './system/version.js';

/** What is asked for most does not wait until the whole command line is declared. */
async function main(words: readonly string[]): Promise<void> {
  const [word, ...more] = words.filter((each) => each !== '--json');
  if (isHelp(words)) {
    // Made by the build from what is declared (tools/generate.mjs).
    process.stdout.write(readFileSync(join(__dirname, 'shell/help.txt'), 'utf8'));
  } else if (more.length === 0 && (word === undefined || word === 'status')) {
    whenInterrupted('nothing was changed');
    // import() would load what reads ES modules first, which takes as long as all of this.
    const { run } = createRequire(__filename)('./commands/status.js') as CommandModule;
    await run([], words.includes('--json') ? { json: true } : {});
  } else {
    const { runCommandLine } = await import('./commands/run.js');
    await runCommandLine();
  }
}

/** On a narrower terminal its lines are broken for that. */
function isHelp(words: readonly string[]): boolean {
  const isWide = (process.stdout.columns || 80) >= 80;
  return words.length === 1 && ['-h', '--help'].includes(words[0] ?? '') && isWide;
}

async function report(error: unknown): Promise<number> {
  if (wasInterrupted()) {
    const { printError } = await import('./system/output.js');
    const isTold = error instanceof PysyncError && error.code === 'INTERRUPTED';
    printError(isTold ? (error as PysyncError).message : interruptedLine(), []);
    return 130;
  }
  const { printError } = await import('./system/output.js');
  const { printable } = await import('./system/text.js');
  const { machineFailure } = await import('./system/failures.js');
  error = machineFailure(error);
  if (error instanceof PysyncError) {
    printError(printable(error.message), error.hints.map(printable));
    return error.exitStatus;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  printError(`this is a bug in pysync ${version} (node ${process.version})`, stack.split('\n'));
  return 1;
}

// sshd reads a key's expiry in the system's time zone, whatever zone this shell is set to.
delete process.env['TZ'];

endOnInterrupt();
process.stdout.on('error', (error) => {
  // A reader that has seen enough, as in `pysync keys | head`.
  if (errnoOf(error) === 'EPIPE') process.exit(0);
  // A terminal that was closed.
  if (errnoOf(error) === 'EIO') process.exit(130);
  // The file it goes to may be on a full disk.
  void report(error).then((status) => process.exit(status));
});

/** Milliseconds in which what was printed gets to where it goes. */
const flushMs = 1000;

main(process.argv.slice(2)).catch(async (error: unknown) => {
  process.exitCode = await report(error);
  // What a command waits for besides would keep one that has failed alive: serve would look as if it
  // still served, and nobody start it again (test/integration/server/engine-killed.test.ts).
  setTimeout(() => process.exit(), flushMs).unref();
});
