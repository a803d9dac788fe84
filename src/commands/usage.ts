/** Reads the declared program off as plain data, for the man page and the completions. */
import type { Argument, Command, Option } from 'commander';
import { version } from '../system/version.js';
import type { ArgumentUsage, CommandLine, OptionUsage } from '../shell/command-line.js';
import { declareProgram, examples, statuses } from './program.js';
import { valueKinds } from './words/values.js';

export function commandLine(): CommandLine {
  const { program } = declareProgram();
  const help = program.createHelp();
  return {
    version,
    description: program.description(),
    options: optionsOf(program),
    commands: help.visibleCommands(program).map((command) => ({
      name: command.name(),
      summary: command.description(),
      arguments: command.registeredArguments.map(readArgument),
      options: optionsOf(command),
    })),
    examples,
    statuses,
  };
}

/** Those that `--help` shows, with `--help` itself. */
function optionsOf(command: Command): OptionUsage[] {
  return command.createHelp().visibleOptions(command).map(readOption);
}

function readOption(option: Option): OptionUsage {
  const { short, long, description, flags } = option;
  // The completions and the man page name an option by it.
  if (long === undefined) throw new Error(`${flags} lacks a long name`);
  const [, name] = /[<[]([^\]>.]+)/.exec(flags) ?? [];
  return {
    ...(short === undefined ? {} : { short }),
    long,
    ...(name === undefined ? {} : { value: { name, kind: valueKinds[name] ?? 'free' } }),
    summary: description,
    isRepeatable: option.variadic || option.parseArg !== undefined,
    group: option.helpGroupHeading ?? 'Options:',
  };
}

function readArgument(argument: Argument): ArgumentUsage {
  const name = argument.name();
  return {
    name,
    kind: valueKinds[name] ?? 'free',
    isRequired: argument.required,
    isRepeatable: argument.variadic,
  };
}
