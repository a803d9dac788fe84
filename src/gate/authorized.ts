/**
 * Whether a key's line still stands as it did when the client logged in. sshd asks only at login,
 * and a client can keep its connection open (`ControlMaster`) and start transfers long after the
 * owner took its key back or changed what it may do.
 */
import { readFileSync } from 'node:fs';
import { splitWords } from './words.js';

/** Whether `file` has a line whose forced command ends in just these policy words. */
export function isStillAuthorized(file: string, policyWords: readonly string[]): boolean {
  const wanted = JSON.stringify(policyWords);
  return readFileSync(file, 'utf8')
    .split('\n')
    .some((line) => wordsOfCommand(line) === wanted);
}

function wordsOfCommand(line: string): string | undefined {
  const [, quoted] = /^\s*restrict,(?:[^#]*?,)?command="((?:\\"|[^"])*)"/.exec(line) ?? [];
  if (quoted === undefined) return undefined;
  try {
    const words = splitWords(quoted.replaceAll('\\"', '"')).map((word) => word.text);
    return JSON.stringify(words.slice(1));
  } catch {
    // A line of somebody else's; splitWords knows no shell.
    return undefined;
  }
}
