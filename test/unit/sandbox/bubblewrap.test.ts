/** The wall: what bubblewrap is told, to the last word, for each kind of session. */
import { describe, expect, it } from 'vitest';
import { bubblewrapArguments } from '../../../src/sandbox/bubblewrap.js';
import type { SandboxSession, SandboxSettings } from '../../../src/sandbox/sandbox.js';
import { abilitiesOf, sandboxed } from '../../../src/sandbox/sandboxes.js';

const settings: SandboxSettings = {
  level: 'bubblewrap',
  rsync: '/usr/bin/rsync',
  sh: '/bin/sh',
  bwrap: '/usr/bin/bwrap',
  rsyncStamp: '',
  dropsDevices: true,
  confinesRoot: true,
  syncsFiles: true,
  libraries: ['/lib/c.so'],
  disablesUserns: true,
  seccomp: '',
};

const push: SandboxSession = { share: '/home/me/public', readOnly: false, log: '/state/x.pipe' };

const before = [
  ...['--unshare-all', '--unshare-user', '--die-with-parent', '--new-session', '--clearenv'],
  ...['--disable-userns', '--cap-drop', 'ALL', '--hostname', 'pysync'],
  ...['--setenv', 'PATH', '/usr/bin:/bin', '--setenv', 'LC_ALL', 'C.UTF-8'],
  ...['--setenv', 'TZ', 'UTC0'],
  ...['--ro-bind', '/usr/bin/rsync', '/usr/bin/rsync', '--ro-bind', '/bin/sh', '/bin/sh'],
  ...['--ro-bind', '/lib/c.so', '/lib/c.so'],
  ...['null', 'zero', 'urandom'].flatMap((name) => ['--dev-bind', `/dev/${name}`, `/dev/${name}`]),
  ...['--perms', '0111', '--dir', '/log', '--bind', '/state/x.pipe', '/log/x.pipe'],
];
const after = ['--remount-ro', '/'];

describe('bubblewrap is told', () => {
  it.each<[string, Partial<SandboxSession>, readonly string[]]>([
    ['of a push', {}, ['--bind', '/home/me/public', '/share', '--chdir', '/share']],
    [
      'of a fetch',
      { readOnly: true, hidden: ['.pysync', 'a/.pysync'] },
      [
        ...['--ro-bind', '/home/me/public', '/share'],
        ...['--tmpfs', '/share/.pysync', '--remount-ro', '/share/.pysync'],
        ...['--tmpfs', '/share/a/.pysync', '--remount-ro', '/share/a/.pysync'],
        ...['--chdir', '/share'],
      ],
    ],
    [
      'of what deletes: the one folder, as it was opened',
      { writable: 'backup' },
      [
        ...['--ro-bind', '/home/me/public', '/share'],
        ...['--bind', '/proc/self/fd/5', '/share/backup', '--chdir', '/share'],
      ],
    ],
    [
      'of a key that may only send: nothing of the share',
      { only: '.pysync/abc' },
      ['--bind', '/home/me/public/.pysync/abc', '/session', '--chdir', '/session'],
    ],
  ])('%s', (_what, session, shown) => {
    const words = bubblewrapArguments(settings, { ...push, ...session });
    expect(words).toEqual([...before, ...shown, ...after]);
  });

  it('of a filter where rsync makes devices, and less where it is old', () => {
    const words = bubblewrapArguments({ ...settings, seccomp: '/x', disablesUserns: false }, push);
    expect(words.slice(-4)).toEqual(['--remount-ro', '/', '--seccomp', '9']);
    expect(words).not.toContain('--disable-userns');
  });
});

describe('a transfer', () => {
  it('is what bubblewrap starts', () => {
    const words = sandboxed(settings, push, ['rsync', '--server']);
    expect(words[0]).toBe('/usr/bin/bwrap');
    expect(words.slice(-3)).toEqual(['--', 'rsync', '--server']);
  });

  it('without a sandbox begins in the share, whatever that is called', () => {
    const words = sandboxed({ ...settings, level: 'none' }, { ...push, share: "/it's" }, ['a b']);
    expect(words).toEqual([
      ...['/usr/bin/env', '-i', 'PATH=/usr/bin:/bin', 'LC_ALL=C.UTF-8', 'TZ=UTC0'],
      '/bin/sh',
      '-c',
      `cd '/it'\\''s' && exec 'a b'`,
    ]);
  });

  it('knows the share by the name that it has inside, and is kept in it by rsync where it must be', () => {
    expect(abilitiesOf(settings, '/s')).toEqual({
      hidesOutside: true,
      root: '/share',
      dropsDevices: true,
      confinesRoot: false,
    });
    expect(abilitiesOf({ ...settings, level: 'none' }, '/s')).toEqual({
      hidesOutside: false,
      root: '/s',
      dropsDevices: true,
      confinesRoot: true,
    });
  });
});
