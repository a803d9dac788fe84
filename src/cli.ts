/**
 * Runs the command line that commands/program.ts declares, and is the only place that turns an
 * error into text and an exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
 */
import type { Command, CommanderError } from 'commander';
import type { CommandModule } from './commands/index.js';
import { declareProgram } from './commands/program.js';
import { PysyncError, errnoOf } from './errors.js';
import {
  endOnInterrupt,
  interruptedLine,
  wasInterrupted,
  whenInterrupted,
} from './system/interrupt.js';
import { version } from './system/version.js';

/** Help or a version that was printed, or a command line that commander could not read. */
class ParsingEnded extends Error {
  readonly verdict: CommanderError;
  readonly command: Command;
  readonly hint: string | undefined;

  constructor(verdict: CommanderError, command: Command, hint?: string) {
    super(verdict.message);
    this.verdict = verdict;
    this.command = command;
    this.hint = hint;
  }
}

/** Loaded only for a command line that holds one. */
const mistakes = () => import('./commands/words/mistakes.js');

function buildProgram(): Command {
  const { program, declared } = declareProgram();
  program.exitOverride((error) => {
    throw new ParsingEnded(error, program);
  });
  program.action(async (options: Record<string, unknown>) => {
    const [stray] = program.args;
    const sources = options['import'];
    if (stray !== undefined) {
      const { strayWord, unknownCommand } = await mistakes();
      throw Array.isArray(sources)
        ? strayWord(stray, sources.map(String))
        : unknownCommand(stray, program);
    }
    const asks = sources !== undefined || options['size'] !== undefined;
    if (asks) {
      const what = { imports: sources !== undefined, size: options['size'] };
      const wrong = (await mistakes()).wrongCombination(Object.keys(own(program)), what);
      if (wrong !== undefined) throw wrong;
    }
    whenInterrupted('nothing was changed');
    const module = await (asks ? import('./commands/import.js') : loadStatus(program));
    await module.run([], options);
  });
  for (const { entry, command } of declared) {
    command.exitOverride((error) => {
      throw new ParsingEnded(error, command, entry.hint);
    });
    command.action(async () => {
      // What the command knows does in front of its name, too: `pysync --json keys`.
      const before = own(program);
      const known = new Set(command.options.map((option) => option.attributeName()));
      const misplaced = Object.keys(before).find((name) => !known.has(name));
      if (misplaced !== undefined) {
        throw (await mistakes()).misplacedOption(misplaced, command);
      }
      whenInterrupted(entry.ifInterrupted ?? 'nothing was changed');
      const given = { ...before, ...command.opts<Record<string, unknown>>() };
      await (await entry.load()).run(command.args, given);
    });
  }
  return program;
}

/** The options that were typed, without defaults. */
function own(command: Command): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(command.opts<Record<string, unknown>>()).filter(
      ([name]) => command.getOptionValueSource(name) === 'cli',
    ),
  );
}

async function loadStatus(program: Command): Promise<CommandModule> {
  const misplaced = Object.keys(own(program)).find((name) => name !== 'json');
  if (misplaced !== undefined) throw (await mistakes()).nothingToDo(misplaced);
  return import('./commands/status.js');
}

async function report(error: unknown): Promise<number> {
  if (wasInterrupted()) {
    const { printError } = await import('./system/output.js');
    const isTold = error instanceof PysyncError && error.code === 'INTERRUPTED';
    printError(isTold ? (error as PysyncError).message : interruptedLine(), []);
    return 130;
  }
  if (error instanceof ParsingEnded) {
    const { verdict, command, hint } = error;
    if (verdict.exitCode === 0) return 0;
    error = (await mistakes()).fromCommander(verdict, command, hint);
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

buildProgram()
  .parseAsync()
  .catch(async (error: unknown) => {
    process.exitCode = await report(error);
  });
