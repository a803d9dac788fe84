/** ssh's patterns, and the order of rsync's releases. */
import { expect, it } from 'vitest';
import { matchesAny } from '../../../src/doctor/patterns.js';
import { isOlder } from '../../../src/doctor/rsync-faults.js';

it.each([
  ['LC_ALL', ['LANG', 'LC_*'], true],
  ['LD_PRELOAD', ['LANG', 'LC_*'], false],
  ['LD_PRELOAD', ['*'], true],
  ['LD_PRELOAD', ['L?_PRE*D'], true],
  ['LD_PRELOAD', ['*', '!LD_*'], false],
  ['a+b', ['a+b'], true],
  ['aab', ['a+b'], false],
  ['anna', [], false],
])('%s is matched by %j: %s', (word, patterns, expected) => {
  expect(matchesAny(word, patterns)).toBe(expected);
});

it.each([
  ['3.2.7', '3.4.0', true],
  ['3.4.0', '3.4.0', false],
  ['3.4.0pre1', '3.4.0', false],
  ['3.10.0', '3.9.1', false],
  ['3.4', '3.4.3', true],
  ['4.0.0', '3.5.0', false],
])('%s is older than %s: %s', (a, b, expected) => {
  expect(isOlder(a, b)).toBe(expected);
});
