/** What is in a share at one moment, and where paths lead in it. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, posix } from 'node:path';
import { mustSpawn } from './policy-tree.js';

export interface Seen {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly mode: string;
  readonly inode: number;
  /** Seconds. */
  readonly time: number;
  /** A file's text or a link's target. */
  readonly content: string;
  /** ACLs and user attributes, as getfattr prints them. */
  readonly attributes: string;
}

/** By path from the share's top, which is itself in it with an empty path. */
export type State = ReadonlyMap<string, Seen>;

export function look(share: string): State {
  const attributes = attributesBelow(share);
  const state = new Map<string, Seen>();
  const add = (path: string): void => {
    const absolute = join(share, path);
    const entry = lstatSync(absolute);
    const seen = {
      mode: `${entry.uid}:${entry.gid} ${entry.mode.toString(8)}`,
      inode: entry.ino,
      time: entry.mtimeMs / 1000,
      attributes: attributes.get(path) ?? '',
    };
    if (entry.isSymbolicLink()) {
      state.set(path, { ...seen, kind: 'link', content: readlinkSync(absolute) });
    } else if (entry.isFile()) {
      state.set(path, { ...seen, kind: 'file', content: readFileSync(absolute, 'latin1') });
    } else if (entry.isDirectory()) {
      state.set(path, { ...seen, kind: 'folder', content: '' });
      for (const name of readdirSync(absolute).sort()) add(path === '' ? name : `${path}/${name}`);
    } else {
      state.set(path, { ...seen, kind: 'other', content: '' });
    }
  };
  add('');
  return state;
}

function attributesBelow(share: string): Map<string, string> {
  const pattern = '^(user\\.|system\\.posix_acl)';
  const words = ['-R', '-P', '-h', '-d', '-m', pattern, '-e', 'hex', '--absolute-names', share];
  const found = new Map<string, string>();
  for (const block of mustSpawn('getfattr', ...words)
    .split('\n\n')
    .filter(Boolean)) {
    const [first = '', ...lines] = block.split('\n');
    const path = first
      .replace(/^# file: /, '')
      .replace(/\\(\d{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    found.set(path.slice(share.length + 1), lines.sort().join(' '));
  }
  return found;
}

export interface Destination {
  /** From the share's top; what is not there counts as an ordinary name. */
  readonly path: string;
  /** Whether the way goes out of the share somewhere. */
  readonly leadsOut: boolean;
}

/**
 * Where `target` leads from the folder `from`, through the links on the way, also the last one.
 * `roots` are the absolute paths that mean the share. Links in `harmless` end the walk.
 */
export function follow(
  state: State,
  from: string,
  target: string,
  roots: readonly string[],
  harmless: ReadonlySet<string> = new Set(),
): Destination {
  let here = split(from);
  const rest: string[] = [];
  /** Puts a link's text in front of what is left of the way; false where that leads out at once. */
  const enter = (text: string): boolean => {
    if (!text.startsWith('/')) {
      rest.unshift(...split(text));
      return true;
    }
    const root = roots.find((each) => text === each || text.startsWith(`${each}/`));
    here = [];
    rest.unshift(...split(text.slice(root?.length)));
    return root !== undefined;
  };
  if (!enter(target)) return out;
  // Linux gives up after 40 links; what loops leads nowhere.
  for (let links = 0; links <= 40;) {
    const part = rest.shift();
    if (part === undefined) break;
    if (part === '..') {
      if (here.pop() === undefined) return out;
      continue;
    }
    const next = [...here, part].join('/');
    const entry = state.get(next);
    if (entry?.kind !== 'link') {
      here.push(part);
      continue;
    }
    if (harmless.has(next)) return { path: next, leadsOut: false };
    if (!enter(entry.content)) return out;
    links += 1;
  }
  return { path: here.join('/'), leadsOut: false };
}

const out: Destination = { path: '', leadsOut: true };

const split = (path: string): string[] =>
  path.split('/').filter((part) => part !== '' && part !== '.');

/** The links that lead out of the share, by their text alone or by where it really ends. */
export function linksOut(
  state: State,
  share: string,
  harmless: ReadonlySet<string> = new Set(),
): string[] {
  return [...state].flatMap(([path, { kind, content }]) => {
    if (kind !== 'link' || harmless.has(path)) return [];
    const folder = posix.dirname(path);
    const byText = posix.normalize(content.startsWith('/') ? content : posix.join(folder, content));
    const inside = byText.startsWith('/')
      ? byText === share || byText.startsWith(`${share}/`)
      : byText !== '..' && !byText.startsWith('../');
    const really = follow(state, folder, content, [share], harmless);
    return inside && !really.leadsOut ? [] : [path];
  });
}
