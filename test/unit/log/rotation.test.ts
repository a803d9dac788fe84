import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pieceBytes, piecesFor, removeOldLogs } from '../../../src/log/rotation.js';

const now = new Date('2026-11-25T12:00:00Z');
const many = { count: 1000, bytes: 2 ** 30, days: 365 };

let state: string;

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'pysync-unit-'));
  for (const name of ['log', 'running']) mkdirSync(join(state, name));
});

afterEach(() => {
  rmSync(state, { recursive: true });
});

/** A log that began at this hour of the day before `now`. */
function log(hour: number, key: string, bytes = 10, folder = 'log', pid = 1): string {
  const stem = `20261124T${String(hour).padStart(2, '0')}0000Z-${pid}-abc-${key}`;
  const name = folder === 'log' ? `${stem}-${bytes}.log` : `${stem}.log`;
  writeFileSync(join(state, folder, name), 'x'.repeat(bytes));
  return name;
}

const kept = (): string[] => readdirSync(join(state, 'log')).sort();

describe('the logs of ended connections', () => {
  it('are kept as long as they are within all limits', () => {
    const names = [log(1, 'bob'), log(2, 'eve'), log(3, 'bob')];
    removeOldLogs(state, { count: 3, bytes: 60, days: 2 }, now);
    expect(kept()).toEqual(names);
  });

  it('go when they are too old, with the note that they were to be shown', () => {
    const old = log(1, 'bob');
    writeFileSync(join(state, 'log', `${old}.new`), '');
    const names = [log(13, 'bob')];
    removeOldLogs(state, { ...many, days: 1 }, now);
    expect(kept()).toEqual(names);
  });

  it('go, when there are too many, from the key that has most, its oldest first', () => {
    const bob = [log(1, 'bob'), log(2, 'bob')];
    const eve = Array.from({ length: 9 }, (_, i) => log(3 + i, 'eve'));
    removeOldLogs(state, { ...many, count: 5 }, now);
    expect(kept()).toEqual([...bob, ...eve.slice(-3)]);
  });

  it('go, when they are too long, from the key whose logs are longest', () => {
    const bob = Array.from({ length: 9 }, (_, i) => log(i, 'bob', 10));
    log(10, 'eve', 5000);
    const last = log(11, 'eve', 100);
    removeOldLogs(state, { ...many, bytes: 400 }, now);
    expect(kept()).toEqual([...bob, last].sort());
  });
});

describe('a log whose launcher is gone', () => {
  it('is set among the ended ones, with what belongs to it removed; others run on', () => {
    const dead = log(1, 'bob', 10, 'running', 2 ** 30);
    writeFileSync(join(state, 'running', `${dead}.time`), '');
    mkdirSync(join(state, 'running', `${dead}.top`));
    const alive = log(2, 'bob', 10, 'running', process.pid);
    removeOldLogs(state, many, now);
    expect(kept()).toEqual([dead.replace('.log', '-10.log')]);
    expect(readdirSync(join(state, 'running'))).toEqual([alive]);
    expect(existsSync(join(state, 'running', `${dead}.top`))).toBe(false);
  });
});

describe('the length of one log', () => {
  it('adds up to half of the limit at most, however many there are at the same time', () => {
    const limit = 2 ** 28;
    let sum = 0;
    for (let running = 1; running <= 100; running += 1)
      sum += piecesFor(running, limit) * pieceBytes;
    expect(sum).toBeLessThanOrEqual(limit / 2);
    expect(piecesFor(1, limit) * pieceBytes).toBe(limit / 4);
  });

  it('is never less than the first lines need', () => {
    expect(piecesFor(100_000, 2 ** 20) * pieceBytes).toBe(16 * 1024);
  });
});
