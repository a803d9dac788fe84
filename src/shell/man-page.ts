/**
 * The man page, in mdoc(7): options and commands from the table of commands, so that it says what
 * `--help` says; the words around them stand here.
 */
import type { ArgumentUsage, CommandLine, OptionUsage } from './command-line.js';
import { spellings } from './command-line.js';

/** `date` is the day of the build; `preferences` are those of `pysync config`, with their meaning. */
export function manPage(
  line: CommandLine,
  preferences: Readonly<Record<string, string>>,
  date: Date,
): string {
  return [
    '.\\" Made from the table of commands by npm run build.',
    `.Dd ${formatDate(date)}`,
    '.Dt PYSYNC 1',
    `.Os pysync ${line.version}`,
    section('NAME', '.Nm pysync', '.Nd receive files from peers who use plain rsync'),
    section('SYNOPSIS', ...synopsis(line)),
    section('DESCRIPTION', ...description(line)),
    section('OPTIONS', ...optionGroups(line.options)),
    section('COMMANDS', ...list(line.commands.flatMap(commandItem))),
    section('PREFERENCES', ...list(preferenceItems(preferences))),
    section('ENVIRONMENT', ...list(environment.map(([name, text]) => [`.It Ev ${name}`, text]))),
    section('FILES', ...list(files.map(([path, text]) => [`.It Pa ${path}`, text]))),
    section('EXIT STATUS', ...list(line.statuses.map(([status, text]) => [`.It ${status}`, text]))),
    section('EXAMPLES', ...line.examples.flatMap(example)),
    section('SEE ALSO', '.Xr rsync 1 ,', '.Xr ssh 1 ,', '.Xr authorized_keys 5 ,', '.Xr sshd 8'),
    '',
  ].join('\n');
}

const section = (title: string, ...lines: string[]): string =>
  [`.Sh ${title}`, ...lines].join('\n');

function synopsis({ commands }: CommandLine): string[] {
  return [
    '.Nm',
    '.Fl i Ar source',
    '.Op Ar option ...',
    '.Nm',
    '.Fl -size Ar size',
    '.Op Ar option ...',
    '.Nm',
    ...commands.flatMap(({ name, arguments: own }) => [
      '.Nm',
      [`.Cm ${name}`, '.Op Ar option ...', ...own.map(argumentWord)].join('\n'),
    ]),
  ];
}

function description({ description: first }: CommandLine): string[] {
  return [text(first), ...paragraphs.flatMap((paragraph) => ['.Pp', text(paragraph)])];
}

const paragraphs = [
  'A receiver imports the public key of a peer once. From then on this peer sends and fetches files with rsync over ssh and installs nothing. The key can start one thing: rsync in one folder, the share, confined to it by the kernel. It gives no shell, no forwarding and no other path.',
  'With a size the share becomes a volume of its own that cannot take more of the disk than that.',
  'Results go to standard output, everything else to standard error.',
];

/** Options under their headings, in the order of the help. */
function optionGroups(options: readonly OptionUsage[]): string[] {
  const groups = [...new Set(options.map(({ group }) => group))];
  return groups.flatMap((group) => [
    ...(group === 'Options:' ? [] : [`.Ss ${escape(group.replace(/:$/, ''))}`]),
    ...list(options.filter((option) => option.group === group).map(optionItem)),
  ]);
}

function optionItem(option: OptionUsage): string[] {
  const flags = spellings(option).map((spelling) => `Fl ${escape(spelling.slice(1))}`);
  const value = option.value === undefined ? '' : ` Ar ${escape(option.value.name)}`;
  return [`.It ${flags.join(' , ')}${value}`, text(sentence(option.summary))];
}

function commandItem({
  name,
  summary,
  arguments: own,
  options,
}: CommandLine['commands'][number]): string[][] {
  const head = [`.It Cm ${name}`, ...own.map((argument) => argumentWord(argument).slice(1))].join(
    ' ',
  );
  const special = options.filter(({ long }) => !['--help', '--json'].includes(long));
  return [
    [head, text(sentence(summary)), ...(special.length === 0 ? [] : list(special.map(optionItem)))],
  ];
}

function argumentWord({ name, isRequired, isRepeatable }: ArgumentUsage): string {
  const word = `Ar ${escape(name)}${isRepeatable ? ' ...' : ''}`;
  return isRequired ? `.${word}` : `.Op ${word}`;
}

function preferenceItems(preferences: Readonly<Record<string, string>>): string[][] {
  return Object.entries(preferences).map(([name, meaning]) => [
    `.It Cm ${name}`,
    text(sentence(meaning)),
  ]);
}

function example([call, does]: readonly [string, string], i: number): string[] {
  const words = [text(sentence(does).replace(/\.$/, ':')), `.Dl ${escape(call)}`];
  return i === 0 ? words : ['.Pp', ...words];
}

const environment = [
  ['GITHUB_API_URL', 'The base of the GitHub API; wins over the preference.'],
  ['GITHUB_TOKEN', "Sent to GitHub's API, which allows more requests then."],
  ['NO_COLOR', 'No colour, where it is not empty.'],
  ['PYSYNC_SSHD_CONFIG', "The configuration of an ssh server other than the system's."],
  ['XDG_CONFIG_HOME', 'Where preferences are kept; else ~/.config.'],
  ['XDG_DATA_HOME', 'Where the launcher and the volumes are kept; else ~/.local/share.'],
  ['XDG_STATE_HOME', 'Where logs are kept; else ~/.local/state.'],
] as const;

const files = [
  ['~/.ssh/authorized_keys', 'The imported keys, one line each, and what each may do.'],
  ['~/public', 'The share, where no other is named.'],
  ['~/.local/share/pysync/launcher', 'The launcher: the one program that these keys can start.'],
  ['~/.local/share/pysync/volumes', 'The disk images of shares with a size.'],
  ['~/.local/state/pysync/log', 'A log of each connection.'],
  ['~/.config/pysync/config.json', 'Preferences.'],
] as const;

/** A tagged list; each item is its `.It` line and what follows it. */
function list(items: readonly (readonly string[])[]): string[] {
  return ['.Bl -tag -width Ds', ...items.flat(), '.El'];
}

/** A summary of the table as a sentence. */
const sentence = (summary: string): string =>
  `${summary.charAt(0).toUpperCase()}${summary.slice(1)}${summary.endsWith('.') ? '' : '.'}`;

/** Running text. Sentences begin on lines of their own, where the formatter sets a wider space. */
const text = (words: string): string =>
  words
    .split(/(?<=[.:]) (?=[A-Z])/)
    .flatMap((part) => escape(part).match(/.{1,78}(?: |$)/g) ?? [])
    .map((row) => row.trimEnd().replace(/^(?=[.'])/, '\\&'))
    .join('\n');

/** What the formatter would take for one of its own signs, or draw as another character. */
function escape(words: string): string {
  return words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('…', '...');
}

/** `November 25, 2026`, as mdoc wants it. */
function formatDate(date: Date): string {
  return date.toLocaleDateString('en-US', {
    ...{ day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' },
  } as const);
}
