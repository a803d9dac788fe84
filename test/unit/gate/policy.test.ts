import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accesses,
  formatPolicy,
  isPeerName,
  isSharePath,
  parsePolicy,
} from '../../../src/gate/policy.js';
import type { Policy } from '../../../src/gate/policy.js';
import { ordinaryPolicy } from '../../helpers/policy.js';

const words = formatPolicy({ ...ordinaryPolicy, account: 583231 });

/** The words with the value behind `name` replaced. */
const withValue = (name: string, value: string): string[] =>
  words.map((word, i) => (words[i - 1] === name ? value : word));

describe('a policy', () => {
  it('comes back from its words, whatever it says', () => {
    const required = {
      peer: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$/),
      key: fc.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/),
      share: fc
        .string()
        .map((text) => `/${text}`)
        .filter(isSharePath),
      access: fc.constantFrom(...accesses),
      allowDelete: fc.boolean(),
      source: fc.string({ minLength: 1 }),
      imported: fc.constant('2026-11-23T05:06:07Z'),
    };
    const policies: fc.Arbitrary<Policy> = fc.oneof(
      fc.record(required, { noNullPrototype: true }),
      fc.record(
        { ...required, account: fc.integer({ min: 1, max: 1e15 - 1 }) },
        { noNullPrototype: true },
      ),
    );
    fc.assert(
      fc.property(policies, (policy) => {
        expect(parsePolicy(formatPolicy(policy))).toStrictEqual(policy);
      }),
    );
  });

  it('is read where an older pysync wrote it, which knew no accounts', () => {
    const { account, ...older } = { ...ordinaryPolicy, account: 583231 };
    expect(account).toBe(583231);
    const olderWords = words.filter((word) => word !== '--account' && word !== '583231');
    expect(parsePolicy(olderWords)).toStrictEqual(older);
    expect(formatPolicy(older)).toEqual(olderWords);
  });

  const damaged: readonly (readonly [string, readonly string[]])[] = [
    ['an unknown word', [...words, '--shell']],
    ['a word given twice', [...words, '--peer', 'bob']],
    ['--allow-delete twice', [...words, '--allow-delete', '--allow-delete']],
    ['--account twice', [...words, '--account', '1', '--account', '1']],
    ['a value alone', [...words, 'read-write']],
    ['a name without value', words.slice(0, -1)],
    ['no words at all', []],
    ['no --peer', words.slice(2)],
    ['no --imported', words.slice(0, -2)],
  ];

  it.each(damaged)('is not served with %s', (_, changed) => {
    expect(() => parsePolicy(changed)).toThrow(/twice|not part of a policy|missing or malformed/);
  });

  it.each([
    ['--peer', 'bob smith'],
    ['--key', 'SHA256:short'],
    ['--key', 'MD5:00:11'],
    ['--share', 'public'],
    ['--share', '/'],
    ['--share', '/a\nb'],
    ['--access', 'all'],
    ['--access', 'toString'],
    ['--source', ''],
    ['--imported', 'yesterday'],
    ...['', '0', '-1', '007', '1e3', '1.5', '0x1', ' 1', '9'.repeat(16)].map((id) => [
      '--account',
      id,
    ]),
  ])('is not served with %s %j', (name = '', value = '') => {
    expect(() => parsePolicy(withValue(name, value))).toThrow(`${name} is missing or malformed`);
  });
});

describe('isPeerName', () => {
  it('takes nothing that a shell, a log or a path would act on', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (isPeerName(text)) expect(text).toMatch(/^(?!\.|-)[\w.@+-]{1,64}$/);
      }),
    );
  });
});
