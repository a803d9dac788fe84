import { describe, expect, it } from 'vitest';
import { NotRsync, decide, readCommand } from '../../../src/gate/decide.js';
import type { Confinement, Decision } from '../../../src/gate/decide.js';
import type { Policy } from '../../../src/gate/policy.js';
import { secludedWord } from '../../../src/gate/words.js';
import { ordinaryPolicy, sandbox } from '../../helpers/policy.js';

const server = 'rsync --server';
const sender = 'rsync --server --sender';
const unconfined: Confinement = { ...sandbox, level: 'none', root: '/srv/share' };

function decideFor(
  command: string,
  policy: Partial<Policy> = {},
  confinement: Confinement = sandbox,
  secluded: readonly string[] = [],
): Decision {
  const words = secluded.map(secludedWord);
  return decide({ ...ordinaryPolicy, ...policy }, confinement, readCommand(command), words);
}

describe('a push', () => {
  it('gets the upload rules behind the client’s own options, and -- before the dot', () => {
    expect(
      decideFor(`${server} -vlogDtpre.iLsfxCIvu --chmod . in/`.replace(' --chmod', '')),
    ).toEqual({
      direction: 'push',
      arguments: [
        '--server',
        '-vlogDtpre.iLsfxCIvu',
        '--safe-links',
        '--chmod=Dug-s,D-t,Du+rwx,Do-w,Fug-s,F-t,Fo-w',
        '--drop-D',
        '--confine-root=/share',
        '--',
        '.',
      ],
      places: [{ path: 'in/' }],
      topAttributes: '',
      writesInPlace: false,
      writes: true,
      deletesBelow: '',
    });
  });

  it('goes to the share itself where no place is named', () => {
    for (const command of [`${server} -r .`, `${server} -r . `, `${server} -r . /`]) {
      expect(decideFor(command).places[0]?.path).toMatch(/^\.\/?$/);
    }
  });

  it('takes a wildcard in the destination literally', () => {
    expect(decideFor(`${server} . *.txt`).places).toEqual([{ path: '*.txt' }]);
  });

  it('says when its attributes may reach the share’s own folder', () => {
    expect(decideFor(`${server} -logDtpAXre.iLsfxCIvu . .`).topAttributes).toBe('AX');
    expect(decideFor(`${server} -logDtpAre.iLsfxCIvu . in/`).topAttributes).toBe('');
    expect(decideFor(`${server} -logDtpre.iLsfxCIvuAX . .`).topAttributes).toBe('');
  });

  it('is refused with several destinations, as a name with bare spaces makes them', () => {
    expect(() => decideFor(`${server} . My File.txt`)).toThrow(/more than one destination/);
  });
});

describe('a pull', () => {
  it('keeps its wildcards for the sandbox to expand', () => {
    expect(decideFor(String.raw`${sender} -r . *.txt star\*`).places).toEqual([
      { path: '*.txt', pattern: '*.txt' },
      { path: 'star*' },
    ]);
  });

  it('may ask for what deletes at the other side only', () => {
    expect(decideFor(`${sender} -r --delete-before . photos/`).direction).toBe('pull');
  });
});

describe('options with a path', () => {
  it('maps an absolute one into the sandbox and keeps a relative one', () => {
    const { arguments: words } = decideFor(
      `${server} -r --backup-dir /old --link-dest=../prev --link-dest /srv/share/x -T/t --partial-dir .p . a/`,
    );
    expect(words.slice(2, 7)).toEqual([
      '--backup-dir=/share/old',
      '--link-dest=../prev',
      '--link-dest=/share/x',
      '-T/share/t',
      '--partial-dir=.partial-.p',
    ]);
  });

  it.each(['--backup-dir ../x', '--temp-dir=/../x', '--partial-dir a/../..', '--files-from ../x'])(
    'refuses %s, which climbs out',
    (option) => {
      expect(() => decideFor(`${server} -r ${option} . .`)).toThrow(/leads out of the share/);
    },
  );
});

describe('deleting', () => {
  const leave = { allowDelete: true };

  it.each(['--delete', '--delete-excluded', '--delete-missing-args', '--force'])(
    'with %s on a push needs leave, and a folder of its own',
    (option) => {
      expect(() => decideFor(`${server} -r ${option} . a/`)).toThrow(/may not delete/);
      expect(decideFor(`${server} -r ${option} . a/`, leave).arguments).toContain(option);
      for (const top of ['.', '/', '~', '/srv/share/', './', 'a/..']) {
        expect(() => decideFor(`${server} -r ${option} . ${top}`, leave)).toThrow(
          /top of the share/,
        );
      }
    },
  );

  it('on a pull has the share mounted to be written, and nothing else has', () => {
    expect(decideFor(`${sender} -r --remove-source-files . a/`, leave).writes).toBe(true);
    expect(decideFor(`${sender} -r . a/`, leave).writes).toBe(false);
  });

  it('names the place, so that the sandbox can see what it really is', () => {
    expect(decideFor(`${server} -r --delete . self/`, leave).deletesBelow).toBe('self/');
    expect(decideFor(`${server} -r . self/`, leave).deletesBelow).toBe('');
    expect(() => decideFor(`${server} -rK --delete . a/`, leave)).toThrow(/does not go together/);
  });

  it('by --remove-source-files needs leave on a pull and none on a push', () => {
    const option = '--remove-source-files';
    expect(() => decideFor(`${sender} -r ${option} . a/`)).toThrow(/may not delete/);
    expect(decideFor(`${sender} -r ${option} . a/`, leave).arguments).toContain(option);
    expect(decideFor(`${server} -r ${option} . a/`).arguments).toContain(option);
  });
});

describe('a partial folder', () => {
  it('is one that no file of the share’s is in, unless the key may delete', () => {
    const folderOf = (text: string, policy = {}): string | undefined =>
      decideFor(`${server} -r --partial-dir=${text} . a/`, policy).arguments.find((word) =>
        word.startsWith('--partial-dir='),
      );
    expect(folderOf('/docs')).toBe('--partial-dir=/share/.partial-docs');
    expect(folderOf('a/b/')).toBe('--partial-dir=a/.partial-b');
    expect(folderOf('docs', { allowDelete: true })).toBe('--partial-dir=docs');
  });
});

describe('access', () => {
  it('write-only sends no checksums of what is there', () => {
    const access = 'write-only';
    expect(decideFor(`${server} -B1 . a`, { access }).arguments).toContain('--whole-file');
    expect(decideFor(`${server} --append . a`, { access }).arguments).not.toContain('--whole-file');
    expect(decideFor(`${server} -B1 . a`).arguments).not.toContain('--whole-file');
  });

  it('deletes only where sending and looking are both allowed', () => {
    for (const access of ['write-only', 'read-only'] as const) {
      const policy = { access, allowDelete: true };
      const option = access === 'read-only' ? '--sender --remove-source-files' : '--delete';
      expect(() => decideFor(`${server} ${option} -r . a/`, policy)).toThrow(/may not delete/);
    }
  });

  it('read-only refuses pushes and write-only pulls and listings', () => {
    expect(() => decideFor(`${server} . a`, { access: 'read-only' })).toThrow(/not send/);
    expect(() => decideFor(`${sender} . a`, { access: 'write-only' })).toThrow(/not fetch/);
    expect(() => decideFor(`${sender} --list-only . .`, { access: 'write-only' })).toThrow();
    expect(decideFor(`${server} . a`, { access: 'write-only' }).direction).toBe('push');
    expect(decideFor(`${sender} . a`, { access: 'read-only' }).direction).toBe('pull');
  });
});

describe('refused options', () => {
  it.each([
    ...['--daemon', '--config=x', '--log-file=x', '--write-devices', '--copy-devices', '--super'],
    ...['--fake-super', '--debug=ALL', '--max-alloc=1g', '--max-alloc=0', '--write-batch=x'],
    ...['--filter=x', '-f x', '--exclude-from=x', '--include-from x', '-M--daemon', '--rsh=x'],
    ...['--copy-as=root', '--insecure-links', '--no-munge-links', '--no-drop-D', '--protocol=29'],
    ...[
      '--confine-root=/',
      '--chmod=u+s',
      '--sockopts=x',
      '--delete=1',
      '--',
      '--server',
      '-P',
      '-a',
    ],
    ...['--suffix=/x', '--info=a/../b;', '--sender'],
  ])('%s', (option) => {
    expect(() => decideFor(`${server} -r ${option} . a/`)).toThrow(/not allowed|not understood/);
  });

  it('links are followed in a sandbox only', () => {
    for (const option of ['-L', '-k', '--copy-unsafe-links']) {
      expect(decideFor(`${sender} ${option} . a`).direction).toBe('pull');
      expect(() => decideFor(`${sender} ${option} . a`, {}, unconfined)).toThrow(/followed/);
    }
  });

  it('a push that brings links does not go through links', () => {
    for (const option of ['-lK', '-l -K', '-logDtprKe.iLsfxCIvu', '-lR --no-implied-dirs']) {
      expect(() => decideFor(`${server} ${option} . a/`)).toThrow(/do not go together/);
    }
    expect(decideFor(`${server} -rK . a/`).direction).toBe('push');
    expect(decideFor(`${sender} -lK . a/`).direction).toBe('pull');
  });

  it('without a sandbox, nothing that needs one is let through', () => {
    for (const rest of ['-r . a/*', '--files-from=list . .', '-r --link-dest=../b . a/']) {
      expect(() => decideFor(`${sender} ${rest}`, {}, unconfined)).toThrow();
    }
    expect(decideFor(`${sender} . *.txt`, {}, unconfined).places[0]?.pattern).toBe('*.txt');
    expect(decideFor(`${server} --temp-dir=/t . a`, {}, unconfined).arguments).toContain(
      '--temp-dir=/srv/share/t',
    );
  });
});

describe('secluded arguments', () => {
  const command = `${sender} -slogDtpre.iLsfxCIvu`;

  it('are checked like others and passed on as plain ones, without -s', () => {
    const decision = decideFor(command, {}, sandbox, [
      'rsync',
      '--log-format=%i',
      '.',
      'My File',
      '*',
    ]);
    expect(decision.arguments.slice(0, 4)).toEqual([
      '--server',
      '--sender',
      '-logDtpre.iLsfxCIvu',
      '--log-format=%i',
    ]);
    expect(decision.places).toEqual([{ path: 'My File' }, { path: '*', pattern: '*' }]);
  });

  it.each([
    [['rsync', '--daemon', '.', 'a']],
    [['rsync', '-s', '.', 'a']],
    [['rsync', '--sender', '.', 'a']],
    [['rsync', '.', '../a']],
    [['rsync', 'a']],
    [['sh', '-c', 'id']],
    [[]],
    [['rsync', '--iconv=latin1', '.', 'a']],
  ])('are refused as %j', (words) => {
    expect(() => decideFor(command, {}, sandbox, words)).toThrow();
  });

  it('are refused where words follow on the command line too', () => {
    expect(() => decideFor(`${command} . a`, {}, sandbox, ['rsync', '.', 'a'])).toThrow(
      /words follow/,
    );
  });

  it('are not taken for asked for by a path that looks like -s', () => {
    expect(decideFor(`${sender} -r . -s`).places).toEqual([{ path: '-s' }]);
  });
});

describe('what is not for rsync', () => {
  it.each([
    undefined,
    '',
    '  ',
    'true',
    'sh -c "rsync --server"',
    'scp -t .',
    'internal-sftp',
    'rsync',
  ])('%j', (command) => {
    expect(() => readCommand(command)).toThrow(NotRsync);
  });

  it.each([
    'rsync -e sh x: y',
    'rsync --daemon',
    'rsync --sender --server . .',
    'rsyncd --server . .',
  ])('nor %j, which is no server command', (command) => {
    expect(() => readCommand(command)).toThrow(NotRsync);
  });
});
