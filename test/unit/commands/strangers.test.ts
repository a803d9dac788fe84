import { expect, it } from 'vitest';
import { freeName } from '../../../src/commands/strangers.js';

it('leaves a name that nobody has', () => {
  expect(freeName('bob', new Set(['anna']))).toBe('bob');
});

it('never makes a stranger one with a peer that there is', () => {
  expect(freeName('bob', new Set(['bob', 'bob-2']))).toBe('bob-3');
  const long = 'b'.repeat(64);
  const name = freeName(long, new Set([long]));
  expect(name).not.toBe(long);
  expect(name.length).toBeLessThanOrEqual(64);
});
