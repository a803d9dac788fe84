/** What a mistyped command line is answered: what is wrong, and what was probably meant. */
import type { Command, CommanderError } from 'commander';
import type { PysyncError } from '../../errors.js';
import { quote } from '../../gate/quote.js';
import { usage } from './options.js';

/** For a word that is no command; `program` knows those that are. */
export function unknownCommand(word: string, program: Command): PysyncError {
  const shown = word.slice(0, 80);
  const meant = nearest(word, program);
  if (meant !== undefined) {
    return usage(`'${shown}' is not a command`, `did you mean: pysync ${meant}`);
  }
  if (program.options.some(({ long }) => long === `--${word}`)) {
    return usage(
      `'${shown}' is not a command`,
      `there is an option of that name: pysync --${word}`,
    );
  }
  const isKey = /^(?:ssh-|ecdsa-|sk-)/.test(word);
  return usage(
    `'${shown}' is not a command`,
    `to import a key: pysync -i ${isKey ? "'ssh-ed25519 AAAA… name'" : quote(shown)}`,
    'to see the commands: pysync --help',
  );
}

/** For a word after `-i <source>` that belongs to nothing. */
export function strayWord(word: string, sources: readonly string[]): PysyncError {
  const last = sources.at(-1) ?? '';
  const message = `'${word.slice(0, 80)}' belongs to no option`;
  if (word.startsWith('AAAA')) {
    return usage(message, "put the key in quotes: pysync -i 'ssh-ed25519 AAAA… name'");
  }
  return usage(message, `each source needs its own -i: pysync -i ${quote(last)} -i ${quote(word)}`);
}

/** For options in front of a command that does not have them, as in `pysync -i bob.pub keys`. */
export function misplacedOption(option: string, command: Command): PysyncError {
  const flag = kebab(option);
  return usage(
    `${flag} does not go with '${command.name()}'`,
    flag === '--import'
      ? `they are two things to do: run pysync -i by itself, then pysync ${command.name()}`
      : `see pysync ${command.name()} --help`,
  );
}

const aboutCaps = ['engine', 'imageDir', 'kernelMount', 'wait', 'yes'];
const aboutKeys = ['access', 'allowDelete', 'from', 'expires', 'name', 'confine'];

/** For options that say how to import or to cap, without anything to import or a cap. */
export function nothingToDo(option: string): PysyncError {
  if (aboutCaps.includes(option)) return needsSize(option);
  return ['dir', 'dryRun'].includes(option)
    ? usage(`${kebab(option)} goes with something to do: add -i <source> or --size <size>`)
    : usage(`${kebab(option)} needs a key to import: add -i <source>`);
}

/** For the `names` of options beside `-i` or `--size` that would have no effect there. */
/** `--serve` by itself. */
export function servesAlone(): PysyncError {
  return usage('--serve comes after an import or a cap', 'to receive without one: pysync serve');
}

export function wrongCombination(
  names: readonly string[],
  { imports, size, serves }: { imports: boolean; size: unknown; serves: boolean },
): PysyncError | undefined {
  const notServing = ['json', 'dryRun'].find((name) => names.includes(name));
  if (serves && notServing !== undefined) {
    return usage(
      `${kebab(notServing)} does not go together with --serve`,
      'run pysync serve by itself',
    );
  }
  const idle = [...(imports ? [] : aboutKeys), ...(size === undefined ? aboutCaps : [])];
  const first = names.find((name) => idle.includes(name));
  if (first !== undefined) return nothingToDo(first);
  const aboutMaking = names.find((name) => ['engine', 'imageDir', 'kernelMount'].includes(name));
  if (aboutMaking === undefined || size !== 'none') return undefined;
  return usage(`${kebab(aboutMaking)} does not go together with --size none: no volume is made`);
}

function needsSize(option: string): PysyncError {
  return usage(`${kebab(option)} says how to cap a share: add --size <size>`);
}

/** What commander could not read of `command`. */
export function fromCommander(error: CommanderError, command: Command, hint?: string): PysyncError {
  if (error.code === 'commander.help') return noHelpFor(command.args.at(-1) ?? '', command);
  const [message = '', similar = ''] = error.message.replace(/^error: /, '').split('\n');
  const [, meant] = /^\(Did you mean (.*)\?\)$/.exec(similar) ?? [];
  const name = command.parent === null ? 'pysync' : `pysync ${command.name()}`;
  return usage(
    message
      .replace(/\. Expected \d+ arguments? but got \d+\.$/, '')
      .replace(/^option '(?:-\w, )?(\S+) (\S+)' argument missing$/, '$1 needs a value: $1 $2'),
    ...(meant === undefined ? [] : [`did you mean: ${meant}`]),
    ...(hint === undefined ? [] : [hint]),
    `see ${name} --help`,
  );
}

function noHelpFor(word: string, program: Command): PysyncError {
  const meant = nearest(word, program);
  return usage(
    `'${word.slice(0, 80)}' is not a command`,
    meant === undefined
      ? 'to see the commands: pysync --help'
      : `did you mean: pysync help ${meant}`,
  );
}

/** `allowDelete` as it is typed: `--allow-delete`. */
function kebab(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The command that commander takes `word` for. */
function nearest(word: string, program: Command): string | undefined {
  // It looks only where no argument is expected, and `pysync` expects some.
  const asking = program as Command & { readonly unknownCommand: () => void };
  asking.args = [word];
  try {
    asking.unknownCommand();
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    return /\(Did you mean (?:one of )?([^,?]*)/.exec(message)?.[1];
  }
}
