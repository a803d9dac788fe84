import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../../src/gate/refusal.js';
import { quoteAll } from '../../../src/gate/quote.js';
import { secludedWord, splitWords } from '../../../src/gate/words.js';

const texts = (command: string): string[] => splitWords(command).map((word) => word.text);

describe('splitWords', () => {
  it.each([
    ['a b\tc', ['a', 'b', 'c']],
    ['rsync --server . ', ['rsync', '--server', '.']],
    [String.raw`My\ File.txt`, ['My File.txt']],
    [`'My File.txt' "My File.txt"`, ['My File.txt', 'My File.txt']],
    [String.raw`'it'\''s'`, ["it's"]],
    [String.raw`"a\"b\\c\d"`, [String.raw`a"b\c\d`]],
    ["''", ['']],
    ['a;b a&b a|b (x) {a,b} #1 `x` !', ['a;b', 'a&b', 'a|b', '(x)', '{a,b}', '#1', '`x`', '!']],
    ['new\nline', ['new\nline']],
    ['new\\\nline', ['new\nline']],
    [String.raw`\$HOME '$HOME' "\$HOME"`, ['$HOME', '$HOME', '$HOME']],
  ])('reads %j as a client means it', (command, words) => {
    expect(texts(command)).toEqual(words);
  });

  it.each([
    ['a $HOME', /no shell runs here/],
    ['"$(id)"', /no shell runs here/],
    ["it's", /not closed/],
    ['say "hi', /not closed/],
    ['a\\', /lone backslash/],
    ['a\ufffdb', /not UTF-8/],
    ['a\0b', /NUL/],
    ['x'.repeat(64 * 1024 + 1), /longer than 64 KiB/],
    ['a '.repeat(1001), /more than 1000 words/],
  ])('refuses %j with words', (command, reason) => {
    expect(() => splitWords(command)).toThrow(Refusal);
    expect(() => splitWords(command)).toThrow(reason);
  });

  it('keeps an escaped wildcard literal and lets a bare one act', () => {
    expect(splitWords(String.raw`star\*.txt`)).toEqual([{ text: 'star*.txt', tilde: false }]);
    expect(splitWords(String.raw`star\*.t*`)).toEqual([
      { text: 'star*.t*', pattern: 'star[*].t*', tilde: false },
    ]);
    expect(splitWords(`'[x]'?`)).toEqual([{ text: '[x]?', pattern: '[[]x]?', tilde: false }]);
    expect(splitWords(String.raw`a\\b*`)[0]?.pattern).toBe(String.raw`a\\b*`);
  });

  it('takes a tilde for the home only where nothing protects it', () => {
    const tildes = splitWords(String.raw`~/x \~/x '~/x' a~`).map((word) => word.tilde);
    expect(tildes).toEqual([true, false, false, false]);
  });

  it('reads back every word that quoteAll wrote', () => {
    const word = fc
      .string({ unit: 'grapheme', maxLength: 30 })
      .filter((text) => !/[\0\ufffd]/.test(text));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 10 }), (words) => {
        expect(texts(quoteAll(words))).toEqual(words);
      }),
    );
  });

  it('gives words or a Refusal for any text, and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (command) => {
        try {
          splitWords(command);
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
        }
      }),
    );
  });
});

describe('secludedWord', () => {
  it('takes everything but wildcards literally', () => {
    expect(secludedWord(String.raw`a\ b $HOME 'x'`)).toEqual({
      text: String.raw`a\ b $HOME 'x'`,
      tilde: false,
    });
    expect(secludedWord(String.raw`a\*`).pattern).toBe(String.raw`a\\*`);
  });
});
