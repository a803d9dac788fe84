/** Runs the command line that program.ts declares. */
import type { Command, CommanderError } from 'commander';
import { whenInterrupted } from '../system/interrupt.js';
import type { CommandModule } from './index.js';
import { declareProgram } from './program.js';

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
const mistakes = () => import('./words/mistakes.js');

/** Reads `process.argv` and runs the command in it. Throws PysyncError, and what the command throws. */
export async function runCommandLine(): Promise<void> {
  try {
    await buildProgram().parseAsync();
  } catch (error) {
    if (!(error instanceof ParsingEnded)) throw error;
    const { verdict, command, hint } = error;
    if (verdict.exitCode !== 0) throw (await mistakes()).fromCommander(verdict, command, hint);
  }
}

function buildProgram(): Command {
  const { program, declared } = declareProgram(process.argv[2]);
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
    const serves = options['serve'] === true;
    const asks = sources !== undefined || options['size'] !== undefined;
    if (asks) {
      const what = { imports: sources !== undefined, size: options['size'], serves };
      const wrong = (await mistakes()).wrongCombination(Object.keys(own(program)), what);
      if (wrong !== undefined) throw wrong;
    }
    if (serves && !asks) throw (await mistakes()).servesAlone();
    whenInterrupted('nothing was changed');
    const module = await (asks ? import('./import.js') : loadStatus(program));
    await module.run([], options);
    if (!serves) return;
    whenInterrupted('');
    // The name was for the keys that are imported, and not for strangers who knock.
    const rest = { ...options, name: undefined, size: undefined };
    await (await import('./serve.js')).run([], rest);
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
  return import('./status.js');
}
