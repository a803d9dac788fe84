/** `pysync -i`: from every source to `authorized_keys`, as the person who types it sees it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ed25519Line } from '../../helpers/key-blob.js';
import { fingerprintOf } from '../../../src/keys/key-line.js';
import { mustExec } from '../../helpers/exec.js';
import { parseJson, useHome } from '../../helpers/home.js';

const home = useHome();
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const fingerprint = (line: string): string => fingerprintOf(line.split(' ')[1] ?? '');

describe('pysync -i', () => {
  it('imports a key given in quotes, and tells what the sender needs', async () => {
    const key = ed25519Line('bob@laptop');
    const { stdout, stderr, exitCode } = await home.pysync(['-i', key]);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(/^bob@laptop {2}ssh-ed25519 {2}SHA256:\S{43} {2}bob@laptop {2}added\n/);
    expect(stdout).toContain(fingerprint(key));
    expect(stdout).toContain('bob@laptop can now use plain rsync:');
    expect(stdout).toContain('No ssh server answers on this machine (port 9)');
    expect(stdout).toContain(`Files land in ${home.path('public')}; this key may do nothing else`);
    expect(stdout).toContain('Confinement: rsync runs in a bubblewrap sandbox');
    const [line = '', ...others] = home.keyLines();
    expect(others).toEqual([]);
    expect(line).toMatch(
      /^restrict,command="\/.*\/pysync\/launcher --peer bob@laptop .*" ssh-ed25519 /,
    );
    expect(line.endsWith(key)).toBe(true);
  });

  it.each(['000', '077'])('makes files for their owner alone with umask %s', async (umask) => {
    const imported = await home.inShell(`umask ${umask}; exec "$@"`, ['-i', ed25519Line()]);
    expect(imported).toMatchObject({ stderr: '', exitCode: 0 });
    expect(home.mode('.ssh')).toBe('700');
    expect(home.mode('.ssh/authorized_keys')).toBe('600');
    expect(home.mode('.local/share/pysync')).toBe('700');
    expect(home.mode('.local/share/pysync/launcher')).toBe('700');
    expect(home.mode('public')).toBe('700');
  });

  it('imports every key of a file with comments, blank lines, CRLF and options', async () => {
    const keys = [ed25519Line('one'), ed25519Line('two'), ed25519Line('three words here')];
    const [first = '', second = '', third = ''] = keys;
    home.write(
      'team.keys',
      `# the team\r\n${first}\r\n\r\n  no-pty,from="::1" ${second}\r\n${third}`,
    );
    const { stdout, stderr, exitCode } = await home.pysync(['-i', 'team.keys']);
    expect(exitCode).toBe(0);
    expect(stderr).toBe(
      "pysync: 'team.keys', line 4: the options before the key were not taken over\n",
    );
    expect(home.keyLines()).toHaveLength(3);
    for (const [i, key] of keys.entries()) {
      expect(home.keyLines()[i]).toMatch(/^restrict,command="[^"]* --source file:team.keys /);
      expect(home.keyLines()[i]?.endsWith(` ${key}`)).toBe(true);
      expect(stdout).toContain(fingerprint(key));
    }
    expect(stdout).toContain('these keys may do nothing else (read-write).');
    expect(stdout).toContain('\nteam can now use plain rsync:');
  });

  it('imports from standard input, and names the peer after the comment of the key', async () => {
    const input = `${ed25519Line('Bob Smith (laptop)')}\n`;
    expect(await home.pysync(['-i', '-'], { input })).toMatchObject({ stderr: '', exitCode: 0 });
    expect(home.keyLines()[0]).toContain('--peer Bob-Smith-laptop ');
    expect(home.keyLines()[0]).toContain('--source stdin ');
  });

  it('imports from several kinds of sources at once, and a key that two of them have once', async () => {
    const [typed, inFile, piped] = [
      ed25519Line('typed'),
      ed25519Line('filed'),
      ed25519Line('piped'),
    ];
    home.write('keys/carol.pub', `${inFile}\n${typed}\n`);
    const sources = ['-i', typed, '--import', 'keys/carol.pub', '-i', '-'];
    const imported = await home.pysync(sources, { input: piped });
    expect(imported).toMatchObject({ stderr: '', exitCode: 0 });
    const names = home.keyLines().map((line) => / --peer (\S+)/.exec(line)?.[1]);
    expect(names).toEqual(['typed', 'carol', 'piped']);
    expect(imported.stdout).toContain('typed, carol, piped can now use plain rsync');
  });

  it('imports the keys of a GitHub user, unless a file has that name', async () => {
    const keys = [ed25519Line().split(' '), ed25519Line().split(' ')].map(([t, b], id) => ({
      id,
      key: `${t ?? ''} ${b ?? ''}`,
    }));
    const server = createServer((request, response) => {
      const isKeys = request.url?.includes('/keys') === true;
      const user = { login: 'octocat', id: 583231, type: 'User' };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isKeys ? keys : user));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => {
      server.close().closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const env = { GITHUB_API_URL: `http://127.0.0.1:${port}` };

    const imported = await home.pysync(['-i', 'OctoCat'], { env });
    expect(imported).toMatchObject({ stderr: '', exitCode: 0 });
    expect(home.keyLines()).toHaveLength(2);
    for (const line of home.keyLines()) {
      expect(line).toContain('--peer octocat ');
      expect(line).toContain('--source gh:octocat ');
    }

    home.write('octocat', ed25519Line());
    const fromFile = await home.pysync(['-i', 'octocat'], { env });
    expect(fromFile.stderr).toContain(
      "'octocat': read as a file; use gh:octocat for the GitHub user",
    );
    expect(home.keyLines()[2]).toContain('--source file:octocat ');
  });

  it('imports the good lines of a file, and names the bad ones with their reasons', async () => {
    const good = ed25519Line();
    home.write('mixed', `hello\n${good}\ncert-authority ${ed25519Line()}\nssh-ed25519 AAAA= x\n`);
    const { stdout, stderr, exitCode } = await home.pysync(['-i', './mixed']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(fingerprint(good));
    expect(home.keyLines()).toHaveLength(1);
    expect(stderr).toContain("'./mixed', line 1 was left out: this is not a public key");
    expect(stderr).toContain(
      "'./mixed', line 3 was left out: this line trusts a certificate authority",
    );
    expect(stderr).toContain("'./mixed', line 4 was left out: this key is damaged");
  });

  it('names a few bad lines and counts the others', async () => {
    home.write('mostly-bad', `${'what is this?\n'.repeat(500)}${ed25519Line()}\n`);
    const { stderr, exitCode } = await home.pysync(['-i', './mostly-bad']);
    expect(exitCode).toBe(0);
    expect(stderr.split('\n').length).toBeLessThan(25);
    expect(stderr).toContain('pysync: 492 more lines were left out\n');
  });

  it('updates a key that is imported again in its place, and says what it was', async () => {
    const [key, other] = [ed25519Line('bob'), ed25519Line('carol')];
    await home.pysync(['-i', key, '-i', other, '--expires', '2099-12-31']);
    const before = home.keyLines();

    const same = await home.pysync(['-i', key, '--expires', '2099-12-31']);
    expect(same.stdout).toMatch(/^bob .* unchanged\n/);
    expect(home.keyLines()).toEqual(before);

    const changed = await home.pysync(['-i', key, '--access', 'write-only', '--name', 'robert']);
    expect(changed.stdout).toMatch(
      /^robert .* updated \(was: bob, read-write, until 2099-12-31 23:59\)\n/,
    );
    expect(home.keyLines()[0]).toContain('--peer robert ');
    expect(home.keyLines()[0]).toContain('--access write-only ');
    expect(home.keyLines()[0]).not.toContain('expiry-time');
    expect(home.keyLines()[1]).toBe(before[1]);
  });

  it('shows with --dry-run the very lines it would write, and writes nothing', async () => {
    const key = ed25519Line();
    const args = ['-i', key, '--from', '10.0.0.0/8', '--access', 'read-only'];
    const before = await home.snapshot();
    const { stdout, exitCode } = await home.pysync([...args, '--dry-run']);
    expect(exitCode).toBe(0);
    expect(await home.snapshot()).toBe(before);
    expect(stdout).toContain('would be added');

    await home.pysync(args);
    const withoutTime = (line: string): string => line.replace(/--imported \S+"/, '');
    expect(stdout.split('\n').map(withoutTime)).toContain(
      withoutTime(home.keyLines()[0] ?? 'none'),
    );
    const after = await home.snapshot();
    const again = await home.pysync(['-i', key, '--dry-run']);
    expect(again.stdout).toContain('would be updated');
    expect(await home.snapshot()).toBe(after);
  });

  it('says where sshd would take no key, since others may write on the way to it', async () => {
    home.write('.ssh/authorized_keys', '', 0o600);
    await mustExec(['chmod', '664', home.path('.ssh/authorized_keys')]);
    const { stdout, exitCode } = await home.pysync(['-i', ed25519Line()]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(
      `nobody can send yet. To fix it:\n    chmod go-w ${home.path('.ssh')}/`,
    );
    expect(parseJson(await home.pysync(['--json']))).toMatchObject({
      sshServer: { writableByOthers: [home.path('.ssh/authorized_keys')] },
    });
    await mustExec(['chmod', 'go-w', home.path('.ssh/authorized_keys')]);
    expect((await home.pysync([])).stdout).not.toContain('chmod');
  });

  it('prints with --json all that a program needs', async () => {
    const key = ed25519Line('bob@laptop');
    const result = await home.pysync(['--json', '-i', '-'], { input: `nonsense\n${key}` });
    expect(result.exitCode).toBe(0);
    expect(parseJson(result)).toEqual({
      dryRun: false,
      keys: [
        {
          name: 'bob@laptop',
          type: 'ssh-ed25519',
          fingerprint: fingerprint(key),
          comment: 'bob@laptop',
          source: 'stdin',
          outcome: 'added',
          line: home.keyLines()[0],
        },
      ],
      rejected: [{ source: 'standard input', line: 1, reason: 'this is not a public key' }],
      share: home.path('public'),
      access: 'read-write',
      cap: null,
      confinement: 'bubblewrap',
      commands: expect.any(Array) as unknown,
      sshServer: { port: 9, listens: false, writableByOthers: [] },
      serve: null,
      hostKeys: [],
    });
  });
});
