/**
 * The world of the properties of the policies: what others have in the share, and what one or two
 * senders do about it, drawn, told as a transcript, and played with a real client.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { quote, quoteAll } from '../../src/gate/quote.js';
import type { Command, Key } from './policy-commands.js';
import { drawnCommand, has } from './policy-commands.js';
import { themes } from './policy-themes.js';
import type { Tree } from './policy-tree.js';
import { drawnEntries, fitting, makeTree, treeCommands } from './policy-tree.js';
import type { ExecResult } from './exec.js';
import type { Peer } from './peer.js';
import { createTemporaryFolder } from './tmp.js';

interface Transfer {
  readonly key: Key;
  readonly tree: Tree;
  /** What the tree's files hold, over and over. */
  readonly text: string;
  readonly command: Command;
}

export interface Scenario {
  readonly others: Tree;
  readonly transfers: readonly Transfer[];
}

/** The options of an import that make each key. */
export const imports: Readonly<Record<Key, readonly string[]>> = {
  'read-write': [],
  deleting: ['--allow-delete'],
  'write-only': ['--access', 'write-only'],
  'read-only': ['--access', 'read-only'],
};

const drawnKey = fc.constantFrom<Key>(
  ...(['read-write', 'read-write', 'write-only', 'write-only', 'deleting', 'read-only'] as const),
);
const drawnTheme = fc.constantFrom(...themes);
/** Numbers of trees of the theme, and entries at random behind them. */
const drawnOthers = fc.tuple(
  fc.uniqueArray(fc.nat(9), { maxLength: 3 }),
  drawnEntries([40, 40_000], ['d:o::rwx', 'u:nobody:rwx'], ['TOKEN']),
);
const drawnSent = fc.tuple(
  fc.uniqueArray(fc.nat(9), { maxLength: 2 }),
  drawnEntries(
    [40, 2, 1, 0, 41, 40_000, 90_000],
    ['d:o::rwx', 'd:u::r,d:g::-,d:o::-', 'u:nobody:rwx'],
    ['.pysync'],
  ),
);

function treeOf([numbers, entries]: readonly [number[], Tree], from: readonly Tree[]): Tree {
  const chosen = [...new Set(numbers.map((number) => number % from.length))];
  return fitting([...chosen.flatMap((number) => from[number] ?? []), ...entries]);
}

/** Files and folders alone, as anybody sends; one name is pysync's own. */
export const drawnFiles: fc.Arbitrary<Tree> = drawnSent.map(([, entries]) =>
  fitting(
    entries.filter(({ kind, path }) => kind === 'file' && !path.split('/').includes('.pysync')),
  ),
);

/** What the second sender has of the first one's files: nothing, new versions, or just the same. */
const drawnNext = fc.constantFrom('others', 'changed', 'changed', 'same', 'rerun');

/** One transfer, or two: mostly with one key, and often of the same files. */
export const drawnScenario: fc.Arbitrary<Scenario> = fc
  .record({
    theme: drawnTheme,
    others: drawnOthers,
    key: drawnKey,
    first: fc.tuple(drawnSent, drawnCommand),
    second: fc.option(
      fc.tuple(
        drawnSent,
        drawnCommand,
        drawnNext,
        fc.oneof(
          { weight: 4, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: drawnKey },
        ),
      ),
      { freq: 2 },
    ),
  })
  .map(({ theme, others, key, first, second }) => {
    const [sent, drawCommand] = first;
    const tree = treeOf(sent, theme.sent);
    const command = drawCommand(tree, theme, key);
    const transfers: Transfer[] = [{ key, tree, text: 'sent0', command }];
    if (second !== null) {
      const [more, drawNext, next, other] = second;
      const then = other ?? key;
      const old = next === 'changed' ? grown(tree) : next === 'others' ? [] : tree;
      const nextTree = next === 'rerun' ? tree : fitting([...old, ...treeOf(more, theme.sent)]);
      transfers.push({
        key: then,
        tree: nextTree,
        text: next === 'same' || next === 'rerun' ? 'sent0' : 'sent1',
        command: next === 'rerun' ? uncut(command) : drawNext(nextTree, theme, then),
      });
    }
    const scenario = {
      others: tame(treeOf(others, theme.others), transfers),
      transfers: transfers.map(({ tree: each, ...rest }) => ({
        ...rest,
        tree: tame(each, [rest]),
      })),
    };
    return { ...scenario, [fc.toStringMethod]: () => transcript(scenario) };
  });

function uncut({ pull, options, sources, place, list }: Command): Command {
  return { pull, options, sources, place, list };
}

/** The same files, changed. */
function grown(tree: Tree): Tree {
  return tree.map((entry) =>
    entry.kind === 'file' ? { ...entry, size: entry.size + 1, time: entry.time + 1 } : entry,
  );
}

/** Where links are followed, one that leads back is enough: with two, rsync would walk for ever. */
function tame(tree: Tree, transfers: readonly Pick<Transfer, 'command'>[]): Tree {
  const follows = transfers.some(({ command }) => has(command, 'L', 'k', 'copy-unsafe-links'));
  const first = tree.find(({ kind }) => kind === 'link');
  return follows ? fitting(tree.filter((entry) => entry.kind !== 'link' || entry === first)) : tree;
}

/** The scenario as commands to run by hand: `public` is the share, HOST the receiver. */
export function transcript({ others, transfers }: Scenario): string {
  return [
    '',
    '# at the receiver, in an empty share (TOKEN stands for anything unguessable):',
    '  cd ~/public',
    ...treeCommands(others, 'TOKEN').map((line) => `  ${line}`),
    ...transfers.flatMap(({ key, tree, text, command }, i) => [
      `# a sender whose key was imported with: ${imports[key].join(' ') || 'no further options'}`,
      `  mkdir ~/t${i}; cd ~/t${i}`,
      ...treeCommands(tree, text).map((line) => `  ${line}`),
      `  ${commandLine(command)}`,
    ]),
    '',
  ].join('\n');
}

function commandLine(command: Command): string {
  const { cut } = command;
  const lists = has(command, 'files-from') ? `printf '%s\\n' ${quoteAll(command.list)} | ` : '';
  const cutter =
    cut === undefined
      ? ''
      : `-e ${quote(`bash -c 'exec ssh "$@" < <(stdbuf -o0 head -c ${cut})'`)} `;
  return `${lists}rsync ${cutter}${quoteAll(wordsOf(command, 'HOST'))}`;
}

function wordsOf({ options, sources, place, pull }: Command, host: string): string[] {
  return pull
    ? [...options, ...sources.map((source) => `${host}:${source}`), 'got/']
    : [...options, ...sources, `${host}:${place}`];
}

export interface Played {
  readonly result: ExecResult;
  /** Where the client ran; what it fetched is in `got/`. */
  readonly folder: string;
  readonly remove: () => void;
}

/** Makes the sender's tree in a new folder and runs the client in it; ends it when it hangs. */
export async function play({ tree, text, command }: Transfer, peer: Peer): Promise<Played> {
  const { path, remove } = createTemporaryFolder();
  // As deep as links climb, so that they lead to nothing of the machine's where they are followed.
  const folder = join(path, 'x/x/x/b');
  mkdirSync(folder, { recursive: true });
  makeTree(folder, tree, { text, token: 'TOKEN' });
  const cutter = join(path, 'cutter');
  writeFileSync(cutter, 'exec "${@:2}" < <(exec stdbuf -o0 head -c "$1")\n');
  const { cut } = command;
  const shell = cut === undefined ? [] : ['-e', `bash ${cutter} ${cut} ${peer.remoteShell}`];
  const result = await peer.rsync([...shell, ...wordsOf(command, peer.target)], {
    cwd: folder,
    input: command.list.map((line) => `${line}\n`).join(''),
    signal: AbortSignal.timeout(8000),
  });
  return { result, folder, remove };
}
