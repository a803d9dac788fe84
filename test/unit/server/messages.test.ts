import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readToHost } from '../../../src/server/messages.js';

const client = { key: 'AAAA', user: 'bob', address: '192.168.1.42' };
const run = { kind: 'run', session: 1, ...client, connection: 'a 1 b 2', command: 'rsync' };

it.each([
  { kind: 'ready' },
  { kind: 'gone', session: 7 },
  { kind: 'notice', address: '::1', what: 'failed' },
  { kind: 'login', id: 1, ...client },
  { kind: 'login', id: 1, ...client, code: 'apple' },
  run,
])('%j is taken', (message) => {
  expect(readToHost(message)).toEqual(message);
});

it.each([
  { ...run, session: '../../.ssh/authorized_keys' },
  { ...run, session: 0.5 },
  { ...run, command: { toString: 'rsync' } },
  { ...run, key: undefined },
  { kind: 'gone', session: '1' },
  { kind: 'login', id: 1, ...client, code: 7 },
  { kind: 'start' },
  null,
  'run',
])('%j is not', (message) => {
  expect(readToHost(message)).toBeUndefined();
});

it('gives a session of a taken-over engine no name but a number', () => {
  fc.assert(
    fc.property(fc.anything(), (session) => {
      const taken = readToHost({ ...run, session });
      return taken === undefined || Number.isSafeInteger(session);
    }),
  );
});
