import { describe, expect, it } from 'vitest';
import { launcherText } from '../../../src/session/launcher.js';
import { formatSettings, parseSettings } from '../../../src/session/settings.js';
import type { Settings } from '../../../src/session/settings.js';

const settings: Settings = {
  level: 'bubblewrap',
  rsync: '/usr/bin/rsync',
  sh: '/bin/sh',
  bwrap: '/usr/bin/bwrap',
  setpriv: '',
  rsyncStamp: '12-34-56',
  dropsDevices: true,
  confinesRoot: false,
  syncsFiles: true,
  libraries: ['/lib/a b.so', '/lib/c.so'],
  disablesUserns: true,
  seccomp: '/home/me/.local/share/pysync/mknod.bpf',
  state: '/home/me/.local/state/pysync',
  data: '/home/me/.local/share/pysync',
  authorizedKeys: '/home/me/.ssh/authorized_keys',
  logCount: 1000,
  logBytes: 2 ** 28,
  logDays: 365,
  onReceived: '/home/me/bin/on received',
  notifies: true,
};

describe('the settings', () => {
  it('come back from their words', () => {
    expect(parseSettings(formatSettings(settings))).toEqual(settings);
    const bare = { ...settings, libraries: [], level: 'none' } as const;
    expect(parseSettings(formatSettings(bare))).toEqual(bare);
  });

  it('are not read with one of them missing', () => {
    const words = formatSettings(settings);
    for (let i = 0; i < words.length; i += 2) {
      const name = words[i] ?? '';
      expect(() => parseSettings(words.toSpliced(i, 2))).toThrow(`the launcher lacks ${name}`);
    }
  });

  it('are not read from a launcher of another format', () => {
    const words = formatSettings(settings);
    expect(words.slice(0, 2)).toEqual(['--format', '2']);
    expect(() => parseSettings(words.with(1, '0'))).toThrow('the launcher lacks --format 2');

    // Where this line changes, the format in settings.ts has to.
    const parts = { node: '/n', main: '/session/entry.js', version: '1', settings };
    expect(launcherText(parts)).toContain(
      [
        'log=$1 ended=$2 share=$3 direction=$4 folder=$5 finish=$6 place=$7 identity=$8 filter=$9',
        'shift 9',
        'cap=$1 pieces=$2',
        'shift 2',
        '',
      ].join('\n'),
    );
  });

  it('are not read with a number that is none', () => {
    const words = formatSettings({ ...settings, logCount: 0 });
    expect(() => parseSettings(words)).toThrow('--log-count is no number');
  });

  it('are not read with a level that there is not', () => {
    const words = formatSettings(settings).map((word) => (word === 'bubblewrap' ? 'strong' : word));
    expect(() => parseSettings(words)).toThrow('no level of confinement');
  });
});
