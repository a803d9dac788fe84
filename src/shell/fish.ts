/** The completion for fish: one `complete` for each option, value and command. */
import type { CommandLine, OptionUsage, ValueKind } from './command-line.js';

export function fishCompletion({ version, options, commands }: CommandLine): string {
  const names = commands.map(({ name }) => name);
  const none = "__pysync_in ''";
  const lines = [
    ...options.map((option) => optionLine(option, none, names)),
    ...commands.map(({ name, summary }) =>
      complete('__pysync_in_nothing', ['-f', '-a', quote(name), '-d', quote(summary)]),
    ),
    ...commands.flatMap((command) => {
      const seen = `__pysync_in ${command.name}`;
      return [
        ...command.options.map((option) => optionLine(option, seen, names)),
        ...command.arguments.map(({ kind, isRepeatable }, i) => {
          const place = isRepeatable ? seen : `${seen}; and __pysync_argument ${i}`;
          return complete(place, valueWords(kind, names));
        }),
      ];
    }),
  ];
  return `# Completion of pysync ${version} for fish, made by: pysync completion fish

# What pysync knows of, one on each line; fish quotes what a path may hold.
function __pysync_ask
    command pysync completion fish --offer $argv[1] 2>/dev/null
end

function __pysync_folders
    __pysync_ask shares
    __fish_complete_directories (commandline -ct | string replace -r '^--dir=' '')
end

# What is in front of the cursor, without pysync itself and --json, which goes with everything.
function __pysync_words
    set -l words (commandline -opc)
    string match -v -- --json $words[2..-1]
end

function __pysync_in_nothing
    test -z "$(__pysync_words)"
end

# Whether the command is $argv[1]; '' for pysync without one, where options come first.
function __pysync_in
    set -l first (__pysync_words)[1]
    string match -q -- '-*' $first; and set first ''
    test "$first" = "$argv[1]"
end

# Whether the word at the cursor is argument number $argv[1] of the command, counted from 0.
function __pysync_argument
    test (count (__pysync_words | string match -v -- '-*')) -eq (math $argv[1] + 1)
end

complete -c pysync -f
${lines.join('\n')}
`;
}

function optionLine(option: OptionUsage, when: string, names: readonly string[]): string {
  const short = option.short === undefined ? [] : ['-s', option.short.slice(1)];
  const value = option.value === undefined ? [] : ['-r', ...valueWords(option.value.kind, names)];
  const about = ['-d', quote(option.summary)];
  return complete(when, [...short, '-l', option.long.slice(2), ...value, ...about]);
}

function complete(when: string, words: readonly string[]): string {
  return `complete -c pysync -n ${quote(when)} ${words.join(' ')}`;
}

function valueWords(kind: ValueKind, names: readonly string[]): string[] {
  if (kind === 'free') return ['-f'];
  if (kind === 'file') return ['-F'];
  return ['-f', '-a', quote(offerOf(kind, names))];
}

/** The list of candidates: words, or a command whose lines they are. */
function offerOf(kind: Exclude<ValueKind, 'free' | 'file'>, names: readonly string[]): string {
  switch (kind) {
    case 'folder':
      return '(__pysync_folders)';
    case 'peer':
      return '(__pysync_ask peers)';
    case 'volume':
      return '(__pysync_ask volumes)';
    case 'command':
      return names.join(' ');
    default:
      return kind.join(' ');
  }
}

/** In fish only the quote and the backslash mean something between single quotes. */
function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}
