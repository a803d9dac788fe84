import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { splitWords } from '../../../src/gate/words.js';
import { planWords } from '../../../src/session/plan.js';
import { formatSettings, readSettings, settingsFile } from '../../../src/session/settings.js';
import type { Stored } from '../../../src/session/settings.js';

const settings: Stored = {
  level: 'bubblewrap',
  rsync: '/usr/bin/rsync',
  sh: '/bin/sh',
  bwrap: '/usr/bin/bwrap',
  rsyncStamp: '12-34-56',
  dropsDevices: true,
  confinesRoot: false,
  syncsFiles: true,
  libraries: ['/lib/a b.so', '/lib/c.so'],
  disablesUserns: true,
  seccomp: '/home/me/.local/share/pysync/mknod.bpf',
  authorizedKeys: '/home/me/.ssh/authorized_keys',
  logCount: 1000,
  logBytes: 2 ** 28,
  logDays: 365,
  onReceived: '/home/me/bin/on "received"',
  notifies: true,
};

let data: string;
const state = '/home/me/.local/state/pysync';

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'pysync-settings-'));
});

afterEach(() => {
  rmSync(data, { recursive: true });
});

function read(text: string): ReturnType<typeof readSettings> {
  writeFileSync(settingsFile(data), text);
  return readSettings({ data, state });
}

describe('the settings', () => {
  it('come back from their text', () => {
    expect(read(formatSettings(settings))).toMatchObject({ ...settings, data, state });
  });

  it('are not read with one of them missing or of another type', () => {
    const whole = JSON.parse(formatSettings(settings)) as Record<string, unknown>;
    for (const name of Object.keys(whole)) {
      expect(read(JSON.stringify({ ...whole, [name]: undefined }))).toBeUndefined();
      expect(read(JSON.stringify({ ...whole, [name]: null }))).toBeUndefined();
    }
    expect(read(JSON.stringify(whole))).toBeDefined();
  });

  it.each(['', '{', '[]', 'null', '"x"'])('are not read from %j', (text) => {
    expect(read(text)).toBeUndefined();
  });

  it('are not read in another format, or for a sandbox that there is not', () => {
    const text = formatSettings(settings);
    expect(read(text.replace('"format": 3', '"format": 2'))).toBeUndefined();
    expect(read(text.replace('"bubblewrap"', '"toString"'))).toBeUndefined();
  });
});

describe('the plan', () => {
  it('gives its words in the order in which launcher.sh takes them', () => {
    const words = planWords({
      log: { running: 'LOG', ended: 'ENDED' },
      share: 'SHARE',
      direction: 'push',
      folder: 'FOLDER',
      finishes: true,
      writable: { path: 'PLACE', identity: 'IDENTITY' },
      filter: 'FILTER',
      cap: 1,
      pieces: 2,
      tells: true,
      command: ['COMMAND', "it's"],
    });
    const script = readFileSync(
      join(import.meta.dirname, '../../../src/session/launcher.sh'),
      'utf8',
    );
    const taken = [...script.matchAll(/^(?:log|cap)=\$1 .*$/gm)]
      .flatMap(([line]) => line.split(' '))
      .map((assignment) => assignment.split('=')[0]);
    const given = splitWords(words).map(({ text }) => text);
    expect(taken.map((name, i) => [name, given[i]])).toEqual([
      ['log', 'LOG'],
      ['ended', 'ENDED'],
      ['share', 'SHARE'],
      ['direction', 'push'],
      ['folder', 'FOLDER'],
      ['finish', 'finish'],
      ['place', 'PLACE'],
      ['identity', 'IDENTITY'],
      ['filter', 'FILTER'],
      ['cap', '1'],
      ['pieces', '2'],
      ['tells', 'tell'],
    ]);
    expect(given.slice(taken.length)).toEqual(['COMMAND', "it's"]);
  });
});
