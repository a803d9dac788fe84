/** The words of the project: phrases that no native speaker would say, and what to say instead. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The folders that are read, besides the pages at the top; to be widened to `src` and all of `test`. */
const places = ['src', 'docs', 'test', 'tools', 'bench', '.github'];

/** Not read: this list itself, and a page that is still being rewritten. */
const unread = ['test/unit/words.test.ts'];

const root = join(import.meta.dirname, '../..');

const phrases: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/\banew\b/, 'again; made anew: recreated'],
  [/\bmend(s|ed|ing)?\b/, 'fix'],
  [/\b(break|breaks|broke|broken) off\b/, 'interrupted'],
  [/\b(take|takes|took|taken) the leave\b/, 'revoked the permission'],
  [/\b(take|takes|took|taken|taking) (\w+ ){0,3}back\b/, 'revoke, undo, remove'],
  [/\b(is|are) for files\b/, 'available for files'],
  [/\bno public key\b/, 'not a public key'],
  [/\b(stand|stands|stood|standing) in\b/, 'is in'],
  [/\b(stand|stands|stood|standing) (still|there|beside|behind)\b/, 'is; hangs'],
  [/\b(go|goes|went|gone|going) on with\b/, 'continues, resumes'],
  [/\bheed(s|ed|ing|less)?\b/, 'respect, look at'],
  [/\b(tell|tells|told|telling) of\b/, 'show, say, report'],
  [
    /\b(?<!there )(is|are|was|were) no (GitHub|address|copy|file|folder|key|list|name|number|option|path|peer|proof|share|size|user|volume)\b/,
    'is not a',
  ],
  [/\bas (it|they) (is|are) meant\b/, 'as intended'],
  [/\bof somebody['’]s own making\b/, 'home-made'],
  [/\bon (its|their) ways? in\b/, 'arriving'],
  [/\band else (?!if\b)/, 'or else; otherwise'],
];

/** A phrase may go over a line break: the start of the next line of a comment counts as blanks. */
function blankBreaks(text: string): string {
  return text.replace(/\n[ \t]*(\*(?!\*)|\/\/|#+|>)?[ \t]*/g, (all) => ' '.repeat(all.length));
}

function phrasesIn(text: string): { line: number; found: string; instead: string }[] {
  const flat = blankBreaks(text);
  return phrases.flatMap(([phrase, instead]) => {
    const anySpace = new RegExp(phrase.source.replaceAll(' ', '\\s+'), 'gi');
    return [...flat.matchAll(anySpace)].map(({ 0: found, index }) => ({
      line: text.slice(0, index).split('\n').length,
      found: found.replaceAll(/\s+/g, ' '),
      instead,
    }));
  });
}

describe('a phrase of the list', () => {
  it.each(['made anew.', 'It mends', 'was\n * broken\n * off', 'took the old keys back'])(
    'is found in %j',
    (text) => {
      expect(phrasesIn(text)).toHaveLength(1);
    },
  );

  it('is found at the line where it begins', () => {
    expect(phrasesIn('one\n// two: are for\n// files')).toEqual([
      { line: 2, found: 'are for files', instead: 'available for files' },
    ]);
  });

  it.each(['standard input', 'recommended', 'understand it', 'there is no file', 'takes a backup'])(
    'is not found in %j',
    (text) => {
      expect(phrasesIn(text)).toEqual([]);
    },
  );
});

it('has none of the phrases, anywhere', () => {
  const found = files().flatMap((file) =>
    phrasesIn(readFileSync(file, 'utf8')).map(
      ({ line, found, instead }) => `${relative(root, file)}:${line}: "${found}" (${instead})`,
    ),
  );
  expect(found).toEqual([]);
});

/** Pages at the top, and the texts in `places`. */
function files(): string[] {
  const isText = (name: string): boolean => /\.(md|ts|mts|mjs|js|sh|yml)$/.test(name);
  const top = readdirSync(root).filter((name) => name.endsWith('.md'));
  const below = places.flatMap((place) =>
    readdirSync(join(root, place), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(place, name),
    ),
  );
  return [...top, ...below]
    .filter((name) => isText(name) && !unread.includes(name))
    .map((name) => join(root, name));
}
