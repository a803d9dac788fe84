/**
 * The command line: builds the program, runs it, and is the only place that turns an error into
 * text and an exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
 */
import { Command, CommanderError } from 'commander';
import { commands, frontDoorOptions } from './commands/index.js';
import type { CommandModule } from './commands/index.js';
import { PysyncError, errnoOf } from './errors.js';
import { version } from './system/version.js';

const examples = `
Examples:
  pysync -i octocat                      let a GitHub user send you files with plain rsync
  pysync -i bob.pub --dir ~/from-bob     give Bob a share of his own
  pysync -i - --access write-only        paste a key; its owner may send and not look
  pysync                                 who may send, and the command to give them
  pysync revoke octocat                  take it back

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.`;

function buildProgram(): Command {
  const program = new Command('pysync');
  program
    .description(
      'Let people on your network send you big files with plain rsync, and do nothing else.',
    )
    .usage('[options] | <command>')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', examples)
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .enablePositionalOptions()
    .allowExcessArguments();
  frontDoorOptions(program);
  program.action(async (options: Record<string, unknown>) => {
    const [stray] = program.args;
    if (stray !== undefined) throw unknownCommand(stray);
    const asks = options['import'] !== undefined || options['size'] !== undefined;
    const module = await (asks ? import('./commands/import.js') : loadStatus(program));
    await module.run([], options);
  });
  for (const { usage, summary, options, load } of commands) {
    const command = program.command(usage).description(summary).helpOption('-h, --help');
    options?.(command);
    command.option('--json', 'print the result as JSON').exitOverride();
    command.configureOutput({ outputError: () => undefined });
    command.action(async () => {
      // --json does in front of the command's name, too.
      const given = { ...own(program), ...command.opts<Record<string, unknown>>() };
      await (await load()).run(command.args, given);
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
  if (misplaced !== undefined) {
    throw new PysyncError('USAGE', `--${kebab(misplaced)} needs a key to import: add -i <source>`, {
      exitStatus: 2,
    });
  }
  return import('./commands/status.js');
}

function unknownCommand(word: string): PysyncError {
  return new PysyncError('USAGE', `'${word.slice(0, 80)}' is not a command`, {
    exitStatus: 2,
    hints: [
      `to import a key: pysync -i ${word.slice(0, 80)}`,
      'to see the commands: pysync --help',
    ],
  });
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

async function report(error: unknown): Promise<number> {
  if (error instanceof CommanderError) {
    // Help and version come as errors with status 0, and are printed already.
    if (error.exitCode === 0) return 0;
    error = new PysyncError('USAGE', error.message.replace(/^error: /, ''), {
      exitStatus: 2,
      hints: ['see pysync --help'],
    });
  }
  const { printError } = await import('./system/output.js');
  const { printable } = await import('./system/text.js');
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

process.on('SIGINT', () => process.exit(130));
process.stdout.on('error', (error) => {
  // A reader that has seen enough, as in `pysync keys | head`.
  if (errnoOf(error) === 'EPIPE') process.exit(0);
  throw error;
});

buildProgram()
  .parseAsync()
  .catch(async (error: unknown) => {
    process.exitCode = await report(error);
  });
