/**
 * The command line as it is declared: commands, options and help. What runs it is cli.ts; the man
 * page and the completions are read off it (usage.ts).
 */
import { Command } from 'commander';
import { version } from '../system/version.js';
import { commands, frontDoorOptions } from './index.js';
import type { CommandEntry } from './index.js';

export const examples = [
  ['pysync -i octocat', 'let a GitHub user send you files'],
  ['pysync -i bob.pub --dir ~/from-bob', 'give Bob a share of his own'],
  ['pysync -i bob.pub --size 10G', 'let Bob in, and cap what can be sent'],
  ['pysync -i - --access write-only', 'paste a key; its owner cannot look'],
  ['pysync', 'who may send, and the command for them'],
  ['pysync revoke octocat', 'let them in no longer'],
] as const;

export const statuses = [
  [0, 'done'],
  [1, 'failed'],
  [2, 'wrong usage'],
  [130, 'interrupted'],
] as const;

export interface DeclaredCommand {
  readonly entry: CommandEntry;
  readonly command: Command;
}

/**
 * A new program, with each command beside its entry in the table. Where the command line begins with
 * the name of one, it is the only one that has to be declared.
 */
export function declareProgram(first?: string): {
  program: Command;
  declared: readonly DeclaredCommand[];
} {
  const program = new Command('pysync');
  program
    .description(
      'Let people on your network send you big files with plain rsync, and do nothing else.',
    )
    .usage('[options] | <command>')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print help, also that of one command')
    .addHelpText('after', helpEnd)
    .configureHelp({ subcommandTerm: termOf })
    // What is wrong is said by cli.ts, and not by the whole help.
    .configureOutput({ outputError: () => undefined, writeErr: () => undefined })
    .enablePositionalOptions()
    .allowExcessArguments();
  frontDoorOptions(program);
  const meant = commands.filter(({ usage }) => usage.split(' ', 1)[0] === first);
  const declared = (meant.length > 0 ? meant : commands).map((entry) => ({
    entry,
    command: declareCommand(program, entry),
  }));
  return { program, declared };
}

function declareCommand(program: Command, { usage, summary, options }: CommandEntry): Command {
  const command = program.command(usage).description(summary);
  options?.(command);
  command.option('--json', 'print the result as JSON').allowExcessArguments(false);
  return command.helpOption('-h, --help', 'print this help');
}

/** `revoke <peer...>`. That each has options is left out: it would leave no room for the summaries. */
function termOf(command: Command): string {
  return `${command.name()} ${command.usage().replace(/^\[options\] ?/, '')}`.trimEnd();
}

function helpEnd(): string {
  const width = Math.max(...examples.map(([call]) => call.length));
  const lines = examples.map(([call, does]) => `  ${call.padEnd(width)}  ${does}`);
  const ends = statuses.map(([status, meaning]) => `${status} ${meaning}`);
  return ['', 'Examples:', ...lines, '', `Exit status: ${ends.join(', ')}.`].join('\n');
}
