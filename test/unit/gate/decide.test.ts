import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/gate/decide.js';
import { NotRsync, readCommand } from '../../../src/gate/request.js';
import type { Abilities, Decision } from '../../../src/gate/decide.js';
import type { Policy } from '../../../src/gate/policy.js';
import { secludedWord } from '../../../src/gate/words.js';
import { ordinaryPolicy, sandbox } from '../../helpers/policy.js';

const server = 'rsync --server';
const sender = 'rsync --server --sender';
const unconfined: Abilities = { ...sandbox, hidesOutside: false, root: '/srv/share' };

function decideFor(
  command: string,
  policy: Partial<Policy> = {},
  abilities: Abilities = sandbox,
  secluded: readonly string[] = [],
): Decision {
  const words = secluded.map(secludedWord);
  return decide({ ...ordinaryPolicy, ...policy }, abilities, readCommand(command), words);
}

describe('a push', () => {
  it('gets the upload rules behind the client’s own options', () => {
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
      ],
      places: [{ path: 'in/' }],
      writes: { kind: 'share' },
      keepsParts: false,
      permissions: true,
      sendsModes: true,
      attributes: '',
      checksLinks: 'nowhere',
      writesInPlace: false,
      makesLinks: false,
      makesPath: false,
      delivery: { onlyExisting: false, neverExisting: false, onlyNewer: false },
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

  it('says which attributes folders that are there have to get back', () => {
    expect(decideFor(`${server} -logDtpAXre.iLsfxCIvu . .`).attributes).toBe('AX');
    expect(decideFor(`${server} -logDtpAre.iLsfxCIvu . in/`).attributes).toBe('A');
    expect(decideFor(`${server} -logDtpre.iLsfxCIvuAX . .`).attributes).toBe('');
  });

  it('is looked at for links where hard links and links come together', () => {
    expect(decideFor(`${server} -lHr . .`).checksLinks).toBe('place');
    expect(decideFor(`${server} -lr --ignore-existing . .`).checksLinks).toBe('share');
    expect(decideFor(`${server} -lr . .`).checksLinks).toBe('nowhere');
  });

  it('has the whole list come first there, for which rsync would wait in vain otherwise', () => {
    const command = `${server} -vlHogDtpre.iLsfxCIvu . .`;
    expect(decideFor(command).arguments[1]).toBe('-vlHogDtpre.LsfxCIvu');
    expect(decideFor(command.replace('H', '')).arguments[1]).toContain('.iL');
  });

  it('writes nothing on a dry run', () => {
    expect(decideFor(`${server} -nr . in/`).writes).toEqual({ kind: 'nothing' });
    expect(decideFor(`${server} -nr . in/`, { access: 'write-only' }).writes.kind).toBe('own');
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
      `${server} -r --link-dest=../prev --link-dest /srv/share/x --copy-dest=/y . a/`,
    );
    expect(words.slice(2, 5)).toEqual([
      '--link-dest=../prev',
      '--link-dest=/share/x',
      '--copy-dest=/share/y',
    ]);
  });

  it.each([
    ...['-T/t', '--temp-dir=t', '--partial', '--partial-dir .p', '--delay-updates'],
    ...['-b', '--backup', '--backup-dir=/old', '--suffix=.x'],
  ])('leaves %s out, which names places of the receiving side', (option) => {
    const plain = decideFor(`${server} -r . a/`).arguments;
    expect(decideFor(`${server} -r ${option} . a/`).arguments).toEqual(plain);
  });

  it('knows where backups are to go, counted from the top', () => {
    const backupOf = (options: string): Decision['backup'] =>
      decideFor(`${server} -r ${options} . a/b/`).backup;
    expect(backupOf('-b')).toEqual({ suffix: '~' });
    expect(backupOf('-b --suffix=.old')).toEqual({ suffix: '.old' });
    expect(backupOf('--backup --backup-dir ../old')).toEqual({ folder: 'a/old', suffix: '' });
    expect(backupOf('-b --backup-dir=/ --suffix .x')).toEqual({ folder: '', suffix: '.x' });
    expect(backupOf('--partial')).toBeUndefined();
  });

  it('keeps parts where the client asks for it, and where rsync can', () => {
    const keeps = (options: string): boolean =>
      decideFor(`${server} -r ${options} . a/`).keepsParts;
    for (const option of ['--partial', '--partial-dir=p', '--delay-updates']) {
      expect(keeps(option)).toBe(true);
      expect(keeps(`${option} --inplace`)).toBe(false);
    }
    expect(keeps('-v')).toBe(false);
  });

  it('has a push read no list but that on standard input', () => {
    expect(() => decideFor(`${server} -r --files-from=list . .`)).toThrow(/cannot name a file/);
    expect(decideFor(`${server} -r --files-from=- . .`).arguments).toContain('--files-from=-');
    expect(decideFor(`${sender} -r --files-from=list . .`).arguments).toContain(
      '--files-from=list',
    );
  });

  it.each(['.pysync', 'a/.pysync/x', '/.pysync/'])('refuses %s, a name of pysync’s', (place) => {
    expect(() => decideFor(`${sender} -r . ${place}`)).toThrow(/pysync's own/);
    expect(() => decideFor(`${server} -r --link-dest=/${place} . a/`)).toThrow(/pysync's own/);
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

  it('can write in one folder below the top, and nothing else', () => {
    const writesOf = (command: string): unknown => decideFor(command, leave).writes;
    expect(writesOf(`${server} -r --delete . a/b/`)).toEqual({ kind: 'folder', path: 'a/b' });
    expect(writesOf(`${sender} -r --remove-source-files . a/`)).toEqual({
      kind: 'folder',
      path: 'a',
    });
    expect(writesOf(`${sender} -r . a/`)).toEqual({ kind: 'nothing' });
    expect(writesOf(`${server} -r . a/`)).toEqual({ kind: 'share' });
  });

  it('reaches as far as a folder to link from, but not to the top', () => {
    const folderOf = (basis: string): unknown =>
      decideFor(`${server} -r --delete --link-dest=${basis} . a/new/`, leave).writes;
    expect(folderOf('../old')).toEqual({ kind: 'folder', path: 'a' });
    expect(folderOf('/a/old')).toEqual({ kind: 'folder', path: 'a' });
    expect(folderOf('/b')).toEqual({ kind: 'folder', path: 'a/new' });
  });

  it('does not go together with going through links', () => {
    expect(() => decideFor(`${server} -rK --delete . a/`, leave)).toThrow(/does not go together/);
  });

  it.each(['.', 'a/ b/', '*', '?/x', 'a/../.'])(
    'never fetches and removes %s, at the top',
    (rest) => {
      const command = `${sender} -r --remove-source-files . ${rest}`;
      expect(() => decideFor(command, leave)).toThrow(/top of the share/);
    },
  );

  it('by --remove-source-files needs leave on a pull and none on a push', () => {
    const option = '--remove-source-files';
    expect(() => decideFor(`${sender} -r ${option} . a/`)).toThrow(/may not delete/);
    expect(decideFor(`${sender} -r ${option} . a/`, leave).arguments).toContain(option);
    expect(decideFor(`${server} -r ${option} . a/`).arguments).toContain(option);
  });
});

describe('access', () => {
  it('write-only sees a folder of its own, so what asks for what is there is left out', () => {
    const command = `${server} -r --inplace --append --existing --ignore-existing --link-dest=/x . a`;
    const decision = decideFor(command, { access: 'write-only' });
    expect(decision.arguments).toEqual(
      decideFor(`${server} -r . a`, { access: 'write-only' }).arguments,
    );
    expect(decision.writes).toEqual({ kind: 'own' });
    expect(decision.writesInPlace).toBe(false);
    expect(decision.delivery).toMatchObject({ onlyExisting: true, neverExisting: true });
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
    expect(decideFor(`${server} --copy-dest=/t . a`, {}, unconfined).arguments).toContain(
      '--copy-dest=/srv/share/t',
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
  it.each(['', '  ', 'true', 'sh -c "rsync --server"', 'scp -t .', 'internal-sftp', 'rsync'])(
    '%j',
    (command) => {
      expect(() => readCommand(command)).toThrow(NotRsync);
    },
  );

  it.each([
    'rsync -e sh x: y',
    'rsync --daemon',
    'rsync --sender --server . .',
    'rsyncd --server . .',
  ])('nor %j, which is no server command', (command) => {
    expect(() => readCommand(command)).toThrow(NotRsync);
  });
});
