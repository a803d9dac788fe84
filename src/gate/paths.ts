/**
 * Turns the spellings a client may use for a place in the share into a path relative to its top:
 * nothing, `.`, `/`, `~`, `~/x`, `/x`, the share's own absolute path, and plain relative paths.
 *
 * This is courtesy, not the wall: links are the kernel's business.
 */
import { Refusal } from './refusal.js';
import type { Word } from './words.js';

/** The folder in a share for what is not a file of it yet (staging/folder.ts). No client may name it. */
export const ownFolder = '.pysync';

/**
 * `text` as a path relative to the share's top, without `..`; `.` for the top itself. A `/./` is kept,
 * since `--relative` gives it a meaning, and so is a slash at the end. Throws Refusal where it climbs out.
 */
export function inShare(text: string, share: string): string {
  return climb([], stripRoot(text, share), text);
}

/**
 * `text` as an option's value that counts from the destination (`--link-dest ../daily.1`): checked
 * against it, and given back as it was, so that rsync itself resolves it.
 */
export function fromDestination(text: string, destination: string, share: string): string {
  if (text.startsWith('/') || isShareSpelling(text, share)) return `/${inShare(text, share)}`;
  climb(partsOf(destination), text, text);
  return text;
}

/** The folders and the name in `path` one by one: without empty parts and dots. */
export function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** `text`, a value that `fromDestination` has let through, as a path relative to the share's top. */
export function resolveFrom(destination: string, text: string): string {
  const parts = text.startsWith('/') ? [] : partsOf(destination);
  for (const part of partsOf(text)) {
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return parts.join('/');
}

/** The deepest folder that holds all of these paths, or is one of them; empty for the top. */
export function commonFolder(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map(partsOf);
  const length = first.findIndex((part, i) => others.some((other) => other[i] !== part));
  return first.slice(0, length === -1 ? first.length : length).join('/');
}

/** Whether a path made by `inShare` is the share itself. */
export function isTop(path: string): boolean {
  return /^(?:\.?\/*)+$/.test(path);
}

/** The text and, where it has one, the pattern of a word, as paths relative to the share's top. */
export function wordInShare(word: Word, share: string): { path: string; pattern?: string } {
  const strip = (text: string): string => {
    // rsync 3.5.0 escapes a lone tilde, whose writer still means the home.
    const isHome = word.tilde || text === '~';
    const home = isHome ? text.replace(/^~(?=\/|$)/, '') : text;
    return inShare(home, share);
  };
  const path = strip(word.text);
  return word.pattern === undefined ? { path } : { path, pattern: strip(word.pattern) };
}

function isShareSpelling(text: string, share: string): boolean {
  return text === share || text.startsWith(`${share}/`);
}

function stripRoot(text: string, share: string): string {
  const below = isShareSpelling(text, share) ? text.slice(share.length) : text;
  return below.replace(/^\/+/, '');
}

function climb(start: readonly string[], text: string, spelled: string): string {
  const parts = [...start];
  for (const part of text.split('/')) {
    if (part === ownFolder) {
      throw new Refusal(`${ownFolder} is a folder of pysync's own`, ['choose another name']);
    }
    if (part !== '..') {
      parts.push(part);
      continue;
    }
    while (parts.at(-1) === '.' || parts.at(-1) === '') parts.pop();
    if (parts.length === 0) {
      throw new Refusal(`'${spelled}' leads out of the share`, [
        'paths count from the top of the share',
      ]);
    }
    parts.pop();
  }
  const path = parts.join('/').replace(/^\/+/, '');
  if (path !== '') return path;
  return text.endsWith('/') ? './' : '.';
}
