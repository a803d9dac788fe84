/**
 * Turns the spellings a client may use for a place in the share into a path relative to its top:
 * nothing, `.`, `/`, `~`, `~/x`, `/x`, the share's own absolute path, and plain relative paths.
 *
 * This is courtesy, not the wall: links are the kernel's business. What it gives is a clear
 * sentence for a path that leads nowhere, and no path outside in any message.
 */
import { Refusal } from './refusal.js';
import type { Word } from './words.js';

/**
 * `text` as a path relative to the share's top, without `..`; `.` for the top itself. A `/./` is
 * kept, since `--relative` gives it a meaning, and so is a slash at the end. Throws Refusal where
 * it climbs out.
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
  climb(
    destination.split('/').filter((part) => part !== '' && part !== '.'),
    text,
    text,
  );
  return text;
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
