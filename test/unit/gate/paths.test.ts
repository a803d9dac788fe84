import fc from 'fast-check';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromDestination, inShare, isTop, wordInShare } from '../../../src/gate/paths.js';
import { splitWords } from '../../../src/gate/words.js';

const share = '/home/me/public';

describe('inShare', () => {
  it.each([
    ['', '.'],
    ['.', '.'],
    ['./', './'],
    ['/', '.'],
    ['//', '.'],
    [share, '.'],
    [`${share}/`, '.'],
    [`${share}/a/b`, 'a/b'],
    [`${share}er/a`, 'home/me/publicer/a'],
    ['/a/b/', 'a/b/'],
    ['sub/dir/', 'sub/dir/'],
    ['docs//a.txt', 'docs//a.txt'],
    ['a/./b', 'a/./b'],
    ['a/../b', 'b'],
    ['a/..', '.'],
    ['a/../', './'],
    ['a/./../b', 'b'],
    ['...', '...'],
    ['..a/b..', '..a/b..'],
  ])('reads %j as %j', (spelled, path) => {
    expect(inShare(spelled, share)).toBe(path);
  });

  it.each(['..', '../x', 'a/../../x', '/..', `${share}/../x`, './..', 'a/.././..'])(
    'refuses %j, which climbs out',
    (spelled) => {
      expect(() => inShare(spelled, share)).toThrow(/leads out of the share/);
    },
  );

  it('gives a relative path without .. for any text, or refuses it', () => {
    const part = fc.constantFrom(
      '..',
      '.',
      '',
      'a',
      'b c',
      '...',
      '~',
      '-x',
      'home',
      'me',
      'public',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        let path: string;
        try {
          path = inShare(parts.join('/'), share);
        } catch {
          return;
        }
        expect(path.startsWith('/')).toBe(false);
        expect(path.split('/')).not.toContain('..');
        expect(posix.join(share, path).startsWith(share)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('wordInShare', () => {
  it.each([
    ['~', '.'],
    ['~/x', 'x'],
    ['~tilde.txt', '~tilde.txt'],
    [String.raw`\~/x`, '~/x'],
  ])('reads the tilde in %s', (word, path) => {
    expect(splitWords(word).map((each) => wordInShare(each, share).path)).toEqual([path]);
  });
});

describe('fromDestination', () => {
  it('lets a basis climb within the share, and gives it back as it was', () => {
    expect(fromDestination('../prev', 'photos/', share)).toBe('../prev');
    expect(fromDestination('../../x', 'a/b', share)).toBe('../../x');
    expect(fromDestination('/snap/1', 'a', share)).toBe('/snap/1');
    expect(fromDestination(`${share}/snap`, 'a', share)).toBe('/snap');
  });

  it('refuses one that climbs out', () => {
    expect(() => fromDestination('../prev', '.', share)).toThrow(/leads out/);
    expect(() => fromDestination('../../x', './a/', share)).toThrow(/leads out/);
    expect(() => fromDestination('/../x', 'a', share)).toThrow(/leads out/);
  });
});

describe('isTop', () => {
  it('knows the share in every spelling that inShare gives', () => {
    expect(['.', './', './/', './.'].map(isTop)).toEqual([true, true, true, true]);
    expect(['a', './a', '..a', '.a'].map(isTop)).toEqual([false, false, false, false]);
  });
});
