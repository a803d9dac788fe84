/**
 * `pysync completion`: its scripts in the real shells. bash and zsh run on a terminal of their own
 * (script(1)) and are typed at, so that what a shell makes of an offer is seen as a command gets it;
 * fish tells what it offers.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { systemPath } from '../../helpers/exec.js';
import { parseJson, useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';
import { listTree } from '../../helpers/receiver.js';

const home = useHome();

/** A legal name for a folder, and trouble for a shell that does not quote it. */
const oddName = `it's; touch OOPS & "q" *?[a]{b}!~#:@=(x)<y>|z`;
/** What bash would run when it stands on a line. */
const commandName = 'run $(touch OOPS) `touch OOPS`';

const oddShare = (): string => home.path(oddName);
const env = (): Record<string, string> => ({
  PATH: `${home.path('bin')}:${systemPath}`,
  TERM: 'dumb',
});

/** Puts pysync into PATH and lets three peers in, each with a share of his own. */
async function setUp(): Promise<void> {
  const program = join(inject('program'), 'bin/pysync.js');
  home.write('bin/pysync', `#!/bin/sh\nexec '${inject('node')}' '${program}' "$@"\n`, 0o755);
  home.write('carol.pub', ed25519Line());
  home.write('folder/file', '');
  const shares = {
    'bob@laptop': oddShare(),
    dora: home.path(commandName),
    'erik+x': home.path('plain'),
  };
  for (const [name, share] of Object.entries(shares)) {
    const { exitCode } = await home.pysync(['-i', ed25519Line(), '--name', name, '--dir', share]);
    expect(exitCode).toBe(0);
    // Of a share that is not there a shell knows nothing but what it is told.
    rmSync(share, { recursive: true });
  }
}

const shells = {
  bash: {
    start: 'bash --norc --noprofile -i',
    begin: 'source <(pysync completion bash); pysync() { printf "GOT"; printf "<%s>" "$@"; echo; }',
  },
  zsh: {
    start: 'zsh -f -i',
    begin:
      'autoload -Uz compinit; compinit -u -D; source <(pysync completion zsh); pysync() { printf "GOT"; printf "<%s>" "$@"; echo; }',
  },
} as const;

/** Types the lines at a shell, and gives what `pysync` was called with by each. */
async function typed(shell: keyof typeof shells, lines: readonly string[]): Promise<string[]> {
  const { start, begin } = shells[shell];
  const { stdout } = await home.account.run(['script', '-qec', start, '/dev/null'], {
    env: env(),
    input: [begin, ...lines, 'exit', ''].join('\n'),
  });
  return stdout.split(/\r?\n/).filter((line) => line.startsWith('GOT<'));
}

describe.each(['bash', 'zsh'] as const)('%s', (shell) => {
  it('completes commands, options, values, peers, shares and files, quoted as they have to be', async () => {
    await setUp();
    const cases: readonly (readonly [string, string])[] = [
      ['pysync rev\tbob\t', '<revoke><bob@laptop>'],
      ['pysync revoke bob@\t eri\t', '<revoke><bob@laptop><erik+x>'],
      ['pysync --json ke\t', '<--json><keys>'],
      ['pysync help unm\t', '<help><unmount>'],
      ['pysync config github\t', '<config><github-api-url>'],
      ['pysync completion z\t', '<completion><zsh>'],
      ['pysync explain --access=wr\t', '<explain><--access=write-only>'],
      ['pysync -i car\t --engine e2\t', '<-i><carol.pub><--engine><e2fsprogs>'],
      ['pysync -i x --dir fol\t', `<-i><x><--dir><folder${shell === 'bash' ? '/' : ''}>`],
      [`pysync --dir ${home.path('it')}\t`, `<--dir><${oddShare()}>`],
      [`pysync --dir=${home.path('it')}\t`, `<--dir=${oddShare()}>`],
      // No capped share and no command is there to be offered.
      [`pysync mount ${home.path('p')}\t`, `<mount><${home.path('p')}>`],
      ['pysync -i x ke\t', '<-i><x><ke>'],
      // bash would leave $(…) as it is and run it at Enter, so there it is not offered.
      [
        `pysync --dir ${home.path('run')}\t`,
        `<--dir><${home.path(shell === 'bash' ? 'run' : commandName)}>`,
      ],
    ];
    const got = await typed(
      shell,
      cases.map(([line]) => line),
    );
    expect(got).toEqual(cases.map(([, words]) => `GOT${words}`));
    expect(listTree(home.account.home)).not.toContain('OOPS');
  });
});

describe('fish', () => {
  it('offers commands, options, values, peers, shares and files', async () => {
    await setUp();
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['pysync rev', ['revoke']],
      ['pysync revoke ', ['bob@laptop', 'dora', 'erik+x']],
      ['pysync --access ', ['read-only', 'read-write', 'write-only']],
      ['pysync -i x --acc', ['--access']],
      ['pysync -i x ', []],
      ['pysync -i car', ['carol.pub']],
      [`pysync --dir ${home.path('it')}`, [oddShare()]],
      [`pysync --dir=${home.path('run')}`, [`--dir=${home.path(commandName)}`]],
      ['pysync --dir fol', ['folder/']],
      ['pysync help unm', ['unmount']],
      ['pysync config github', ['github-api-url']],
      ['pysync mount /', []],
    ];
    const script =
      'pysync completion fish | source; for line in $argv; complete -C $line; echo ----; end';
    const lines = cases.map(([line]) => line);
    const { stdout } = await home.account.run(['fish', '--no-config', '-c', script, ...lines], {
      env: env(),
    });
    const offers = stdout
      .split('----\n')
      .slice(0, -1)
      .map((part) => part.split('\n').flatMap((each) => each.split('\t')[0] ?? []))
      .map((part) => part.filter(Boolean));
    expect(offers).toEqual(cases.map(([, expected]) => expected));
  });
});

describe('what the scripts ask for', () => {
  const ask = (what: string): ReturnType<typeof home.pysync> =>
    home.pysync(['completion', 'bash', '--offer', what]);

  it('is told without making or mounting anything, and from what can be read', async () => {
    await setUp();
    const volume = { id: 'x', size: 1, engine: 'e2fsprogs', mount: 'fuse2fs', overhead: 0 };
    const registry = { version: 1, shares: [{ path: '/srv/big files', volume }] };
    home.write('.local/share/pysync/shares.json', JSON.stringify(registry));
    const before = await home.snapshot();
    expect((await ask('peers')).stdout).toBe('bob@laptop\ndora\nerik+x\n');
    expect((await ask('volumes')).stdout).toBe('/srv/big files\n');
    expect((await ask('shares')).stdout.split('\n')).toContain('/srv/big files');
    expect(await home.snapshot()).toBe(before);

    home.write('.local/share/pysync/shares.json', '{');
    expect(await ask('volumes')).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    expect((await ask('shares')).stdout).toContain(home.path('plain'));
    rmSync(home.path('.ssh'), { recursive: true });
    mkdirSync(home.path('.ssh/authorized_keys'), { recursive: true });
    expect(await ask('peers')).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  });
});

describe('pysync completion', () => {
  it('is for three shells', async () => {
    expect(await home.pysync(['completion', 'tcsh'])).toEqual({
      stdout: '',
      stderr: "pysync: there is no completion for 'tcsh'\n  the shell is bash, zsh or fish\n",
      exitCode: 2,
    });
    expect((await home.pysync(['completion'])).stderr).toContain('the shell is bash, zsh or fish');
    expect(parseJson(await home.pysync(['completion', 'bash', '--json']))).toEqual({
      shell: 'bash',
      script: (await home.pysync(['completion', 'bash'])).stdout,
    });
  });
});
