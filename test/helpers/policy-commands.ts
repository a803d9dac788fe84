/**
 * Commands of a sender for the properties of the policies, drawn from the gate's own tables of
 * options: what is added there is drawn as well.
 */
import fc from 'fast-check';
import { longOptions, shortOptions, shortValues } from '../../src/gate/options.js';
import type { Value } from '../../src/gate/options.js';
import type { Tree } from './policy-tree.js';
import { pathsOf } from './policy-tree.js';
import { themes } from './policy-themes.js';
import type { Theme, Words } from './policy-themes.js';

export type Key = 'read-write' | 'deleting' | 'write-only' | 'read-only';

export interface Command {
  readonly pull: boolean;
  readonly options: Words;
  /** Of the sender on a push, in its tree; places in the share on a pull. */
  readonly sources: Words;
  /** On a push, in the share. */
  readonly place: string;
  /** Lines on standard input, for `--files-from=-`. */
  readonly list: Words;
  /** After how many bytes of the client's the connection ends. */
  readonly cut?: number;
}

const places = [
  ...['', '', '.', '/', './', '~', 'x/', 'x/', 'x', 'docs', 'docs/', 'keep/', 'new/', 'new'],
  ...['self/', 'self', 'x/up/', 'x/l/', 'x/l', 'x/self/', 'up/', 'keep/..', '..', 'a.txt', 'n~'],
  ...['with blank/', 'x/../keep', '/x/', '*', '.~tmp~/', '.partial-p', '.pysync/', 'x/.pysync'],
  ...['w*[1]', 'b/up/', 'a/b/', 'x/./docs', 'keep/deep/', '-dash'],
];
const folders = [
  ...['p', '/p', 'p/', '/', '.', '..', '../', '../keep', '/keep', 'keep', '../x', '/x', 'x/l'],
  ...['self', '/self', 'docs', '../docs', 'new', '/old', 'old', '~', '.~tmp~', '.pysync', '*'],
  ...['.partial-p', 'with blank', '../../x', '/a.txt', 'a.txt', 'x/up', '/b/up'],
];
const texts = [
  ...['', '~', '.old', '.txt', 'x', '0', '1', '-1', '2', '40', '1000', '1K', '1M', 'all', 'all4'],
  ...['none', 'name', 'name2', 'utf8', '.', 'zstd', 'md5', 'xxh64', 'gz', 'errors', 'client'],
  ...['*:nobody', '%n %l %C', 'flist4,name2,skip4,del,backup,misc2', 'stats3', 'copy,remove'],
];
/** What makes an option slow, or the one value that is worth trying. */
const narrowed: Readonly<Record<string, Words>> = {
  bwlimit: ['0', '5M'],
  timeout: ['0', '9'],
  suffix: ['', '~', '.old', '.txt', '2'],
};

function drawnValue(name: string, value: Value): fc.Arbitrary<string> {
  if (value.kind === 'path') return fc.constantFrom(...folders);
  const known = narrowed[name] ?? texts.filter((text) => value.form.test(text));
  return known.length > 0 ? fc.constantFrom(...known) : fc.stringMatching(value.form);
}

/** Any option of the tables, as one of the client's or, with `-M`, of the receiving side alone. */
const tableOption: fc.Arbitrary<Words> = fc
  .tuple(
    fc.oneof(
      ...[...longOptions].map(([name, { value }]) =>
        value === undefined
          ? fc.constant(`--${name}`)
          : drawnValue(name, value).map((text) => `--${name}=${text}`),
      ),
      ...[...shortOptions.keys()].map((letter) => fc.constant(`-${letter}`)),
      ...[...shortValues].map(([letter, { value }]) =>
        drawnValue(letter, value).map((text) => `-${letter}${text}`),
      ),
    ),
    fc.constantFrom('', '', '', '-M'),
  )
  .map(([word, prefix]) => [prefix + word]);

/** What only the client knows, or what travels inside the protocol. */
const clientOption = fc.constantFrom<Words>(
  ...[['-vvv'], ['--debug=ALL'], ['--debug=deltasum4', '-B1'], ['-ii'], ['-P'], ['-s']],
  ...[['--protocol=29'], ['--protocol=30'], ['--no-inc-recursive'], ['--old-args'], ['-F']],
  ...[['--exclude=keep'], ['--exclude=*'], ['--include=*/', '--exclude=a*'], ['-fP keep']],
  ...[['-f:- a.txt'], ['-f:- /keep/a.txt'], ['-f. a.txt'], ['-fR *'], ['-fH *'], ['--no-W']],
  ...[['--files-from=-'], ['--files-from=:a.txt'], ['--files-from=:keep/a.txt'], ['--no-i-r']],
  ...[['--chmod=ugo=rwx'], ['--chmod=a-w'], ['--ignore-errors'], ['--checksum'], ['--del']],
);

const bases: readonly Words[] = [
  ...[['-a'], ['-a'], ['-rt'], ['-r'], ['-aH'], ['-rlt'], ['-aR'], ['-d'], ['-aAX'], ['-aI'], []],
];

const pick = <T>(from: readonly T[], number: number): T | undefined => from[number % from.length];

/**
 * A number stands for an option of the theme, since no draw may depend on another (by `chain`): it
 * could not be made smaller by itself.
 */
const drawnOptions = fc
  .tuple(
    fc.constantFrom(...bases),
    fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.nat(99) },
        { weight: 3, arbitrary: tableOption },
        { weight: 2, arbitrary: clientOption },
        {
          weight: 1,
          arbitrary: fc.constantFrom(...themes.flatMap(({ options }) => options)),
        },
      ),
      { maxLength: 5 },
    ),
  )
  .map(([base, more]) => (theme: Theme): Words => [
    ...base,
    ...more.flatMap((each) =>
      typeof each === 'number' ? (pick(theme.options, each) ?? []) : each,
    ),
  ]);

const drawnPlace = fc
  .oneof({ weight: 2, arbitrary: fc.nat(99) }, { weight: 1, arbitrary: fc.constantFrom(...places) })
  .map(
    (place) =>
      (theme: Theme): string =>
        typeof place === 'number' ? (pick(theme.places, place) ?? '') : place,
  );

const drawnSource = fc.oneof(
  { weight: 8, arbitrary: fc.constant('./') },
  { weight: 1, arbitrary: fc.constant('.') },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constantFrom('./', './', './', '././'), fc.nat(99), fc.boolean()),
  },
);

const drawnPush = fc
  .record({
    options: drawnOptions,
    from: fc.array(drawnSource, { minLength: 1, maxLength: 2 }),
    place: drawnPlace,
    list: fc.subarray(['keep/a.txt', 'docs', '../keep', 'a.txt', 'self']),
    cut: fc.oneof(
      { weight: 7, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom(300, 500, 800, 1500, 5000, 30_000, 60_000) },
    ),
  })
  .map(({ options, from, place, list, cut }) => (tree: Tree, theme: Theme): Command => {
    const paths = pathsOf(tree);
    const sources = from.map((source) => {
      if (typeof source === 'string') return source;
      const [front, number, slash] = source;
      const path = pick(paths, number);
      const isFolder = paths.some((each) => each.startsWith(`${path ?? ''}/`));
      return path === undefined ? './' : `${front}${path}${slash && isFolder ? '/' : ''}`;
    });
    return {
      pull: false,
      options: options(theme),
      sources: [...new Set(sources)],
      place: place(theme),
      list: [...paths, ...list],
      ...(cut === undefined ? {} : { cut }),
    };
  });

const drawnPull = fc
  .record({ options: drawnOptions, from: fc.array(drawnPlace, { minLength: 1, maxLength: 2 }) })
  .map(({ options, from }) => (_tree: Tree, theme: Theme): Command => {
    const list = ['a.txt', 'keep/a.txt', '../private/diary.txt', 'self'];
    const sources = [...new Set(from.map((each) => each(theme)))];
    return { pull: true, options: options(theme), sources, place: '', list };
  });

/**
 * A command for a tree, a theme and a key. What is always refused is asked for now and then only: a
 * pull with a key that may not fetch, a push with one that may not send, and deleting without leave.
 */
export const drawnCommand = fc
  .record({ push: drawnPush, pull: drawnPull, dice: fc.nat(19) })
  .map(({ push, pull, dice }) => (tree: Tree, theme: Theme, key: Key): Command => {
    const pulls = { 'read-write': 2, deleting: 5, 'write-only': 0, 'read-only': 18 };
    const command = dice < 19 - pulls[key] ? push(tree, theme) : pull(tree, theme);
    if (key === 'deleting' || dice === 7) return command;
    return { ...command, options: command.options.filter((word) => !deletes(word, command.pull)) };
  });

function deletes(word: string, pull: boolean): boolean {
  const name = /^(?:-M)?--([^=]+)/.exec(word)?.[1] ?? '';
  return longOptions.get(name)?.effect === (pull ? 'remove-sent' : 'delete') || name === 'del';
}

/** Whether the command has one of these options of the tables, long or as a letter, also by `-M`. */
export function has({ options }: Command, ...sought: readonly string[]): boolean {
  return options.some((word) => {
    const plain = word.replace(/^-M/, '');
    const long = /^--([^=]+)/.exec(plain)?.[1];
    if (long !== undefined) return sought.includes(long);
    const letters = /^-([a-zA-Z0-9]+)$/.exec(plain)?.[1] ?? '';
    return sought.some((each) => each.length === 1 && letters.includes(each));
  });
}

/** The values of an option, wherever it is given. */
export function valuesOf({ options }: Command, name: string): string[] {
  return options.flatMap((word) => new RegExp(`^(?:-M)?--${name}=(.*)$`).exec(word)?.[1] ?? []);
}

/** Whether the command asks for something that removes what is in the share. */
export function asksToDelete({ options, pull }: Command): boolean {
  return options.some((word) => deletes(word, pull));
}
