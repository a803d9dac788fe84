/**
 * What a command has done to a share and told its sender, held against what the key's policy
 * allows. Each finding is a kind, a colon and the path it is about.
 */
import { posix } from 'node:path';
import { ownFolder } from '../../src/gate/paths.js';
import type { Command, Key } from './policy-commands.js';
import { asksToDelete, has, valuesOf } from './policy-commands.js';
import { follow, linksOut } from './policy-state.js';
import type { State } from './policy-state.js';
import type { Tree } from './policy-tree.js';
import { contentOf, pathsOf } from './policy-tree.js';

export interface Step {
  readonly key: Key;
  readonly command: Command;
  /** What was sent, and what its files hold over and over. */
  readonly tree: Tree;
  readonly text: string;
}

export interface Run {
  readonly step: Step;
  /** Earlier steps with the same key. */
  readonly earlier: readonly Step[];
  /** Before all steps of this key, before this one, and after it. */
  readonly first: State;
  readonly before: State;
  readonly after: State;
  /** The client's exit status. */
  readonly status: number;
  /** All that the sender got: messages, and what was fetched. */
  readonly told: string;
  readonly share: string;
  /** Seconds; the top's date may be as late as this and later. */
  readonly began: number;
}

/** Paths that the command may have meant to write, through links and without. */
export function sentPaths({ step: { command, tree }, before, share }: Run): Set<string> {
  const sent = new Set<string>();
  const place = placeOf(command.place, before, share);
  if (command.pull || place === undefined) return sent;
  const add = (path: string): void => {
    const literal = posix.normalize(posix.join('.', place, path));
    const parent = follow(before, '', posix.dirname(literal), ['/share']);
    sent.add(literal);
    sent.add(posix.join(parent.path, posix.basename(literal)));
  };
  const all = pathsOf(tree);
  const relative = has(command, 'R', 'relative', 'files-from');
  const follows = has(command, 'L', 'k', 'copy-unsafe-links');
  if (before.get(place)?.kind !== 'folder') {
    add('.');
    // A file is put in the place of a link of that name, and not in that of what it leads to.
    sent.add(posix.normalize(command.place.replace(/^~?\/+/, '')));
  }
  for (const source of relative ? [...command.sources, './'] : command.sources) {
    const root = posix.normalize(source).replace(/\/$/, '');
    const isContent = source.endsWith('/') || source === '.';
    const prefix = isContent ? '' : posix.basename(root);
    add(prefix);
    for (const path of all) {
      if (root !== '.' && path !== root && !path.startsWith(`${root}/`)) continue;
      add(posix.join(prefix, root === '.' ? path : path.slice(root.length)));
      if (relative) add(path);
    }
  }
  if (follows) for (const path of before.keys()) if (sharesName(path, all)) sent.add(path);
  return sent;
}

/** With links followed at the sender, its names can be combined to any path. */
function sharesName(path: string, all: readonly string[]): boolean {
  const names = new Set(all.flatMap((each) => each.split('/')));
  return names.has(posix.basename(path));
}

/** Where a place of the command is, or undefined where it leads out; `..` is taken by its text. */
export function placeOf(place: string, state: State, share: string): string | undefined {
  const text = posix.normalize(place.replace(/^~(?=\/|$)/, '.').replace(/^\/+/, ''));
  const { path, leadsOut } = follow(state, '', text, ['/share', share]);
  return leadsOut ? undefined : path;
}

const isFullFolder = (state: State, path: string): boolean =>
  state.get(path)?.kind === 'folder' &&
  [...state.keys()].some((each) => each.startsWith(`${path}/`));

/** Where the key and the command together may delete; the top is not among it. */
function freeToDelete({ step: { key, command }, before, share }: Run): string[] {
  if (key !== 'deleting' || !asksToDelete(command)) return [];
  // What stands for several names is in the folder in front of it.
  const named = command.pull
    ? command.sources.map((source) => source.replace(/[^/]*[*?[].*$/, ''))
    : [command.place];
  return named.flatMap((place) => placeOf(place, before, share) ?? []);
}

/** Nothing of others goes away or becomes something else, but by a path that was sent. */
function losses(run: Run): string[] {
  const { step, first, before, after } = run;
  const sent = sentPaths(run);
  const zones = freeToDelete(run);
  const { pull } = step.command;
  const isFree = (path: string): boolean =>
    zones.some((zone) =>
      zone === '' || path === zone ? pull && path.includes('/') : path.startsWith(`${zone}/`),
    );
  const sentInodes = new Set([...sent].map((path) => before.get(path)?.inode));
  return [...before].flatMap(([path, was]): string[] => {
    if (path === '' || !first.has(path)) return [];
    const is = after.get(path);
    if (isFree(path)) return [];
    if (isFullFolder(before, path) && is?.kind !== 'folder') return [`folder gone: ${path}`];
    // A link or an empty folder may have made room for what then did not come, and the sender knows.
    const mayMakeRoom = sent.has(path) && was.kind !== 'file' && run.status !== 0;
    if (is === undefined && mayMakeRoom) return [];
    if (is === undefined) return [`gone: ${path}`];
    if (was.kind === 'folder' && is.kind === 'folder') {
      return [
        ...(is.mode === was.mode ? [] : [`folder mode: ${path} ${was.mode} ${is.mode}`]),
        ...(is.attributes === was.attributes ? [] : [`folder attributes: ${path}`]),
      ];
    }
    if (sent.has(path)) return [];
    if (is.kind !== was.kind || is.content !== was.content) return [`changed: ${path}`];
    const same = is.mode === was.mode && is.time === was.time && is.attributes === was.attributes;
    return same || sentInodes.has(was.inode) ? [] : [`mode or time: ${path}`];
  });
}

/** The top keeps all but its date, and that is never the client's. */
function topChanges({ before, after, began }: Run): string[] {
  const [was, is] = [before.get(''), after.get('')];
  if (was === undefined || is === undefined) return ['top gone: .'];
  return [
    ...(is.mode === was.mode && is.inode === was.inode ? [] : [`top mode: ${is.mode}`]),
    ...(is.attributes === was.attributes ? [] : ['top attributes: .']),
    ...(is.time === was.time || is.time >= began ? [] : [`top time: ${is.time}`]),
  ];
}

/** A file that was sent has the name only when it is whole, unless it was to be written in place. */
function parts(run: Run): string[] {
  const { step, earlier, before, after } = run;
  if (step.key !== 'write-only' && has(step.command, 'inplace', 'append', 'append-verify'))
    return [];
  const steps = [...earlier, step];
  const whole = new Set(
    steps.flatMap(({ tree, text }) =>
      tree.flatMap((entry) =>
        entry.kind === 'file' ? [contentOf(entry.path, entry.size, text)] : [],
      ),
    ),
  );
  // What is linked, copied or kept as a backup of another file of the share is whole as well.
  if (step.key !== 'write-only' || has(step.command, 'b', 'backup'))
    for (const { content } of before.values()) whole.add(content);
  return [...sentPaths(run)].flatMap((path) => {
    const is = after.get(path);
    if (is?.kind !== 'file' || is.content === before.get(path)?.content) return [];
    return whole.has(is.content) ? [] : [`not whole: ${path}`];
  });
}

/** A key that may only send is told no name and no content, also not by checksums of single bytes. */
function leaks({ step, told }: Run, token: string): string[] {
  if (step.key !== 'write-only') return [];
  const sums = [...told.matchAll(/^.*chunk\[\d+\] len=1 .*sum1=[0-9a-f]{6}([0-9a-f]{2})/gm)];
  const read = String.fromCharCode(...sums.map(([, byte = '']) => parseInt(byte, 16)));
  return [
    ...(told.includes(token) ? ['told names or content: .'] : []),
    ...(read.includes(token) ? ['told content by checksums: .'] : []),
  ];
}

/** Names in the share that neither others nor the sender gave to anything: temporary ones. */
export function strangeNames({ step, earlier, first, after }: Run): string[] {
  const steps = [...earlier, step];
  const commands = steps.map(({ command }) => command);
  const known = new Set(
    [
      'x/b',
      ...first.keys(),
      ...steps.flatMap(({ tree }) => pathsOf(tree)),
      ...commands.flatMap((command) => [command.place, ...valuesOf(command, 'backup-dir')]),
    ].flatMap((path) => path.split('/')),
  );
  const suffixes = ['~', ...commands.flatMap((command) => valuesOf(command, 'suffix'))];
  const isKnown = (name: string): boolean =>
    known.has(name) ||
    // Where something was in the way, it goes beside that.
    (/~\d+$/.test(name) && isKnown(name.replace(/~\d+$/, ''))) ||
    suffixes.some((end) => end !== '' && name.endsWith(end) && isKnown(name.slice(0, -end.length)));
  const added = [...after.keys()].filter((path) => !first.has(path));
  return [...new Set(added.flatMap((path) => path.split('/')))].filter((name) => !isKnown(name));
}

/** A session that has ended well leaves nothing behind among what is not a file yet. */
function leftovers({ step, earlier, before, after, status }: Run): string[] {
  const sent = [...earlier, step].flatMap(({ tree }) => pathsOf(tree));
  if (status !== 0 || sent.some((path) => path.split('/').includes(ownFolder))) return [];
  const left = [...after].filter(
    ([path, { kind }]) =>
      kind === 'file' && !before.has(path) && path.split('/').includes(ownFolder),
  );
  return left.map(([path]) => `left behind: ${path}`);
}

/** All that is wrong with what happened; `token` is in what others have, and nowhere else. */
export function findings(run: Run, token: string): string[] {
  const { step, first, before, after, share } = run;
  const mayWrite = step.command.pull
    ? step.key === 'deleting' && asksToDelete(step.command)
    : step.key !== 'read-only';
  const harmless = new Set(linksOut(first, share));
  return [
    ...(mayWrite || isSame(before, after) ? [] : ['changed without leave to write: .']),
    ...(mayWrite ? [...losses(run), ...parts(run)] : []),
    ...topChanges(run),
    ...leaks(run, token),
    ...leftovers(run),
    ...linksOut(after, share, harmless).map((path) => `link out: ${path}`),
  ];
}

function isSame(before: State, after: State): boolean {
  return JSON.stringify([...before]) === JSON.stringify([...after]);
}
