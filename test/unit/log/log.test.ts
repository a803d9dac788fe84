import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Refusal } from '../../../src/gate/refusal.js';
import {
  beginLog,
  logPaths,
  makeLogFolders,
  refuseConflicts,
  runningSessions,
  writeRefusal,
} from '../../../src/log/log.js';
import type { Header } from '../../../src/log/log.js';
import type { Finish } from '../../../src/staging/finish.js';

/** A process that ended long ago: no system counts that far. */
const deadPid = 2 ** 30;

let folder: string;
let state: string;
let share: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pysync-unit-'));
  state = join(folder, 'state');
  share = join(folder, 'share');
  makeLogFolders(state);
  makeLogFolders(share);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const none: Finish = {
  folder: '.pysync/one',
  isStaged: false,
  keepsParts: false,
  delivery: { onlyExisting: false, neverExisting: false, onlyNewer: false },
  attributes: '',
  checksLinks: 'nowhere',
  writesInPlace: false,
  makesLinks: false,
};

function header(change: Partial<Header> = {}): Header {
  return {
    version: 1,
    time: '2026-11-23T05:06:07.000Z',
    peer: 'bob',
    key: `SHA256:${'a'.repeat(43)}`,
    share,
    address: '192.0.2.7',
    direction: 'push',
    place: '.',
    command: 'rsync --server . x',
    pid: process.pid,
    token: 'f00d',
    ...change,
  };
}

function start(change: Partial<Header> = {}): Header {
  const running = header(change);
  beginLog(logPaths(state, new Date(), running.pid, running.key).running, running);
  return running;
}

describe('a log', () => {
  it('has a name that begins with its time and cannot be guessed', () => {
    const now = new Date('2026-11-23T05:06:07.891Z');
    const [first, second] = ['SHA256:ab/de+ghijklmn', 'SHA256:ab'].map((key) =>
      logPaths('/state', now, 42, key),
    );
    expect(first?.running).toMatch(
      /^\/state\/running\/20261123T050607Z-42-[0-9a-f]{32}-ab_de_ghijkl\.log$/,
    );
    expect(first?.ended).toBe(first?.running.replace('/running/', '/log/').slice(0, -4));
    expect(second?.running.slice(0, 40)).not.toBe(first?.running.slice(0, 40));
  });

  it('is its owner’s alone, begins with the header, and is never written over', () => {
    const path = join(state, 'running/one.log');
    beginLog(path, header());
    expect(readFileSync(path, 'utf8')).toBe(`${JSON.stringify(header())}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(state, 'running')).mode & 0o777).toBe(0o700);
    expect(() => {
      beginLog(path, header());
    }).toThrow('EEXIST');
  });

  it('of a refused connection is written whole, with its size in its name', () => {
    writeRefusal({ running: '', ended: join(state, 'log/one') }, header(), 'no\n"way"');
    const text = `${JSON.stringify(header())}\npysync-refused "no\\n\\"way\\""\n`;
    expect(readFileSync(join(state, `log/one-${text.length}.log`), 'utf8')).toBe(text);
  });

  it('keeps what a client sent on its one line', () => {
    const path = join(state, 'running/one.log');
    const command = 'rsync\n{"version":1}\u2028 --server';
    beginLog(path, header({ command }));
    const [line = '', ...others] = readFileSync(path, 'utf8').split('\n');
    expect(others).toEqual(['']);
    expect(JSON.parse(line)).toMatchObject({ command });
  });
});

describe('runningSessions', () => {
  it('gives the connections whose launcher is alive, and steps over what is no log', () => {
    const alive = start();
    start({ pid: deadPid });
    writeFileSync(join(state, 'running/half.log'), '{"version":1,"pee');
    writeFileSync(join(state, 'running/one.log.time'), '');
    expect(runningSessions(state)).toEqual([alive]);
  });

  it('is empty where nothing ever ran', () => {
    expect(runningSessions(join(folder, 'none'))).toEqual([]);
  });
});

describe('refuseConflicts', () => {
  const refused = (mine: Partial<Finish>, theirs: Partial<Finish>, other = share): boolean => {
    const running = header({ share: other, finish: { ...none, ...theirs } });
    try {
      refuseConflicts(share, { ...none, ...mine }, [running]);
      return false;
    } catch (error) {
      expect(error).toBeInstanceOf(Refusal);
      return true;
    }
  };

  it('has a second push with -A or -X wait, since folders would get back what the first has set', () => {
    expect(refused({ attributes: 'A' }, { attributes: 'X' })).toBe(true);
    expect(refused({ attributes: '' }, { attributes: 'X' })).toBe(false);
    expect(refused({ attributes: 'A' }, { attributes: 'X' }, join(folder, 'other'))).toBe(false);
  });

  it('keeps what writes into files apart from what gives them a second name', () => {
    expect(refused({ writesInPlace: true }, { makesLinks: true })).toBe(true);
    expect(refused({ makesLinks: true }, { writesInPlace: true })).toBe(true);
    expect(refused({ makesLinks: true }, { makesLinks: true })).toBe(false);
    expect(refused({ writesInPlace: true }, { writesInPlace: true })).toBe(false);
  });
});
