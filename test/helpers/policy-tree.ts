/**
 * Trees of files, folders, links and hard links for the properties of the policies: drawn, made on
 * disk, and told as the shell commands that make them.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lchownSync,
  linkSync,
  mkdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { quote } from '../../src/gate/quote.js';
import type { Ids } from './exec.js';

/** `path` counts from the tree's top; a folder with the path `.` is the top itself. */
export type Entry = { readonly path: string } & (
  | { readonly kind: 'file'; readonly size: number; readonly mode: number; readonly time: number }
  | {
      readonly kind: 'folder';
      readonly mode: number;
      readonly acl: string;
      readonly marked: boolean;
    }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'hard'; readonly to: string }
);

export type Tree = readonly Entry[];

/** The one attribute that drawn folders have, and the date of all folders of a sender. */
export const attributeName = 'user.drawn';
export const oldTime = 1_000_000_000;

export interface Making {
  /** What files hold, over and over, each with its own path in it. */
  readonly text: string;
  /** What stands for `TOKEN` in names. */
  readonly token: string;
  readonly owner?: Ids;
}

/** Few names, so that trees, places and options collide. */
const names = [
  ...['a.txt', 'b', 'docs', 'keep', 'n', 'n~', 'p', 'x', 'old', 'self', 'up', 'l'],
  ...['.partial-p', '.~tmp~', 'a.txt~', 'with blank', 'w*[1]', '-dash', 'n'.repeat(255)],
];
const targets = [
  ...['.', '..', 'keep', '../keep', '../../keep', '../../../keep', '../..', 'docs', 'a.txt'],
  ...['x', '../x', '../private', '../../private', '../../../private', '/share/keep', '~'],
];

const drawnPath = (more: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...names, ...more), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join('/'));
const topPath = fc.constant('.');
const drawnTime = fc.constantFrom(oldTime, oldTime + 100_000_000);
/** The first sizes are those of what is in the share, so that a file can pass for another's. */
const drawnFile = (sizes: readonly number[]) =>
  fc.record({
    kind: fc.constant('file' as const),
    size: fc.constantFrom(...sizes),
    mode: fc.constantFrom(0o644, 0o600, 0o755, 0o666),
    time: drawnTime,
  });
const drawnFolder = (acls: readonly string[]) =>
  fc.record({
    kind: fc.constant('folder' as const),
    mode: fc.constantFrom(0o755, 0o700, 0o777, 0o750),
    acl: fc.constantFrom('', '', ...acls),
    marked: fc.constantFrom(false, false, true),
  });
const drawnLink = fc.record({
  kind: fc.constant('link' as const),
  target: fc.constantFrom(...targets),
});
const drawnHard = fc.record({ kind: fc.constant('hard' as const), to: drawnPath([]) });

/** Some entries drawn at random, which belong behind those of a theme. */
export function drawnEntries(
  sizes: readonly number[],
  acls: readonly string[],
  moreNames: readonly string[] = [],
): fc.Arbitrary<Tree> {
  const entry = fc
    .tuple(
      fc.oneof({ weight: 9, arbitrary: drawnPath(moreNames) }, { weight: 1, arbitrary: topPath }),
      fc.oneof(
        { weight: 5, arbitrary: drawnFile(sizes) },
        { weight: 3, arbitrary: drawnFolder(acls) },
        { weight: 2, arbitrary: drawnLink },
        { weight: 2, arbitrary: drawnHard },
      ),
    )
    .map(([path, made]): Entry => ({ path, ...made }))
    .filter(({ path, kind }) => path !== '.' || kind === 'folder');
  return fc.array(entry, { maxLength: 4 });
}

/** Without the entries that cannot be made behind those in front of them. */
export function fitting(tree: Tree): Tree {
  const kinds = new Map<string, Entry['kind']>();
  return tree.filter((entry) => {
    const parents = parentsOf(entry.path);
    if (kinds.has(entry.path)) return false;
    if (parents.some((path) => (kinds.get(path) ?? 'folder') !== 'folder')) return false;
    if (entry.kind === 'hard' && !['file', 'link'].includes(kinds.get(entry.to) ?? ''))
      return false;
    for (const path of parents) kinds.set(path, 'folder');
    kinds.set(entry.path, entry.kind === 'hard' ? (kinds.get(entry.to) ?? 'file') : entry.kind);
    return true;
  });
}

function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_part, i) => parts.slice(0, i + 1).join('/'));
}

/** Every path that making the tree makes, the folders on the way among them. */
export function pathsOf(tree: Tree): string[] {
  return [...new Set(tree.flatMap(({ path }) => [...parentsOf(path), path]))].filter(
    (path) => path !== '.',
  );
}

export function contentOf(path: string, size: number, text: string): string {
  const line = `${text} ${path}\n`;
  return line.repeat(Math.ceil(size / line.length)).slice(0, size);
}

/** Makes the tree in the folder `root`, which is there. */
export function makeTree(root: string, tree: Tree, { text, token, owner }: Making): void {
  const at = (path: string): string => join(root, path.replaceAll('TOKEN', token));
  for (const path of pathsOf(tree)) {
    const entry = tree.find((each) => each.path === path) ?? { kind: 'folder' };
    if (entry.kind === 'folder') mkdirSync(at(path));
    if (entry.kind === 'file') writeFileSync(at(path), contentOf(path, entry.size, text));
    if (entry.kind === 'link') symlinkSync(entry.target.replaceAll('TOKEN', token), at(path));
    if (entry.kind === 'hard') linkSync(at(entry.to), at(path));
    if (owner !== undefined) lchownSync(at(path), owner.uid, owner.gid);
  }
  for (const entry of tree) {
    if (entry.kind === 'file') {
      chmodSync(at(entry.path), entry.mode);
      utimesSync(at(entry.path), entry.time, entry.time);
    }
    if (entry.kind === 'folder') {
      chmodSync(at(entry.path), entry.mode);
      if (entry.acl !== '') mustSpawn('setfacl', '-m', entry.acl, at(entry.path));
      if (entry.marked) mustSpawn('setfattr', '-n', attributeName, '-v', text, at(entry.path));
    }
  }
  if (owner !== undefined) return;
  for (const path of ['.', ...pathsOf(tree)]) {
    const made = tree.find((each) => each.path === path)?.kind ?? 'folder';
    if (made === 'folder') utimesSync(at(path), oldTime, oldTime);
  }
}

export function mustSpawn(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** The commands that make the tree in the current folder. */
export function treeCommands(tree: Tree, text: string): string[] {
  const word = (path: string): string => quote(`./${path}`);
  return [
    ...pathsOf(tree).map((path) => {
      const entry = tree.find((each) => each.path === path);
      if (entry === undefined || entry.kind === 'folder') return `mkdir ${word(path)}`;
      if (entry.kind === 'link') return `ln -s ${quote(entry.target)} ${word(path)}`;
      if (entry.kind === 'hard') return `ln ${word(entry.to)} ${word(path)}`;
      return `yes ${quote(`${text} ${path}`)} | head -c ${entry.size} >${word(path)}`;
    }),
    ...tree.flatMap((entry) => {
      if (entry.kind === 'file') {
        const mode = entry.mode.toString(8);
        return [`chmod ${mode} ${word(entry.path)}; touch -d @${entry.time} ${word(entry.path)}`];
      }
      if (entry.kind !== 'folder') return [];
      return [
        `chmod ${entry.mode.toString(8)} ${word(entry.path)}`,
        ...(entry.acl === '' ? [] : [`setfacl -m ${entry.acl} ${word(entry.path)}`]),
        ...(entry.marked ? [`setfattr -n ${attributeName} -v ${text} ${word(entry.path)}`] : []),
      ];
    }),
  ];
}
