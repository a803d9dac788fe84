import { describe, expect, it } from 'vitest';
import {
  readAccess,
  readExpires,
  readFolder,
  readFrom,
  readName,
  readWait,
} from '../../../../src/commands/words/options.js';

const wrongUsage = (message: RegExp): unknown =>
  expect.objectContaining({
    code: 'USAGE',
    exitStatus: 2,
    message: expect.stringMatching(message) as unknown,
  });

describe('readAccess', () => {
  it('is read-write where nothing else is said', () => {
    expect(readAccess({})).toBe('read-write');
    expect(readAccess({ access: 'write-only' })).toBe('write-only');
  });

  it.each(['', 'rw', 'READ-ONLY', 'toString'])('refuses %j', (access) => {
    expect(() => readAccess({ access })).toThrow(wrongUsage(/is not known/));
  });
});

describe('readName', () => {
  it.each(['bob', 'bob@laptop', '_x', '7', 'a.b+c-d'])('takes %j', (name) => {
    expect(readName({ name })).toBe(name);
  });

  it.each(['', '-bob', '.bob', 'bob smith', 'bob/../x', 'bob\n', 'bøb', 'x'.repeat(65)])(
    'refuses %j',
    (name) => {
      expect(() => readName({ name })).toThrow(wrongUsage(/cannot be used$/));
    },
  );
});

describe('readFolder', () => {
  it('gives what was typed, and refuses nothing but the empty path', () => {
    expect(readFolder({})).toBeUndefined();
    expect(readFolder({ dir: 'a b' })).toBe('a b');
    expect(() => readFolder({ dir: '' })).toThrow(wrongUsage(/--dir is empty/));
  });
});

describe('readFrom', () => {
  it.each([
    ['10.1.2.3', ['10.1.2.3']],
    ['10.1.2.3/8', ['10.0.0.0/8']],
    ['192.168.1.7, fd00::1', ['192.168.1.7', 'fd00::1']],
    ['fd00:1:2:3:4::5/64', ['fd00:1:2:3::/64']],
    ['0.0.0.0/0', ['0.0.0.0/0']],
  ])('reads %s', (from, patterns) => {
    expect(readFrom({ from })).toEqual(patterns);
  });

  it.each(
    // prettier-ignore
    ['', 'bob', '*', '!10.0.0.1', '10.0.0', '10.0.0.0/33', '::1/129', '10.0.0.1/', '10.0.0.1/8/8',
      '10.0.0.1,', '10.0.0.1;x', '10.0.0.1/-1', '"'],
  )('refuses %j, which sshd would read as a name or not at all', (from) => {
    expect(() => readFrom({ from })).toThrow(wrongUsage(/is neither an address nor a network$/));
  });

  it('is anywhere where nothing is said', () => {
    expect(readFrom({})).toEqual([]);
  });
});

describe('readExpires', () => {
  const now = new Date(2026, 0, 31, 12, 30);

  it.each([
    ['12h', 12],
    ['3d', 72],
    ['2w', 336],
  ])('counts %s from now', (expires, hours) => {
    expect(readExpires({ expires }, now)).toEqual(new Date(now.getTime() + hours * 3_600_000));
  });

  it('takes a date to its end, in local time', () => {
    expect(readExpires({ expires: '2026-01-31' }, now)).toEqual(new Date(2026, 0, 31, 23, 59, 59));
    expect(readExpires({ expires: '2028-02-29' }, now)).toEqual(new Date(2028, 1, 29, 23, 59, 59));
  });

  it('is never where that is said, or nothing', () => {
    expect(readExpires({ expires: 'never' }, now)).toBeUndefined();
    expect(readExpires({}, now)).toBeUndefined();
  });

  it.each(
    // prettier-ignore
    ['', 'tomorrow', '30', '3 days', '1.5d', '-1d', '1m', '2026-02-30', '2026-13-01', '2026-1-1',
      '20261231', '999999d'],
  )('refuses %j', (expires) => {
    expect(() => readExpires({ expires }, now)).toThrow(
      wrongUsage(/is neither a time span nor a date$/),
    );
  });

  it.each(['2026-01-30', '0h'])('refuses %s, which is over', (expires) => {
    expect(() => readExpires({ expires }, now)).toThrow(wrongUsage(/is in the past$/));
  });
});

describe('readWait', () => {
  it.each([
    ['2', 2],
    ['0.1', 0.1],
    ['300', 300],
  ])('reads %s', (wait, seconds) => {
    expect(readWait({ wait })).toBe(seconds);
    expect(readWait({})).toBeUndefined();
  });

  it.each(['', '0', '0.01', '301', '-1', '1e2', '2s', 'x'])('refuses %j', (wait) => {
    expect(() => readWait({ wait })).toThrow(wrongUsage(/is not a number of seconds/));
  });
});
