import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from '../../../src/system/text.js';

describe('printable', () => {
  it('leaves ordinary text of any script alone', () => {
    const text = 'Zoë’s laptop – 笔记本 – ноутбук – שלום – 👍';
    expect(printable(text)).toBe(text);
  });

  it.each([
    ['a terminal escape', '\u001b[31mred', '\\u001b[31mred'],
    ['the one-byte form of a terminal escape', '\u009b31m', '\\u009b31m'],
    ['line breaks and tabs', 'a\r\n\tb', 'a\\r\\n\\tb'],
    ['a NUL', 'a\0b', 'a\\u0000b'],
    ['a line separator', 'a\u2028b', 'a\\u2028b'],
    ['a bidi override', 'exe.\u202egpj', 'exe.\\u202egpj'],
    ['a bidi isolate', '\u2066x\u2069', '\\u2066x\\u2069'],
    ['a zero-width space', 'a\u200bb', 'a\\u200bb'],
    ['an invisible letter', 'a\u3164b', 'a\\u3164b'],
    ['a tag character outside the basic plane', 'a\u{e0041}b', 'a\\u{e0041}b'],
    ['half of a surrogate pair', 'a\ud83db', 'a\\ud83db'],
  ])('escapes %s', (_what, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it('never lets a control, format or separator character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
    );
  });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(printable(text))).toBe(printable(text));
      }),
    );
  });
});
