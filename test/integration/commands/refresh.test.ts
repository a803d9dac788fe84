/** `pysync refresh` against a GitHub on the loopback whose answers change. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ExecResult } from '../../helpers/exec.js';
import { account, limitReached, sendJson, serve } from '../../helpers/github.js';
import type { Answer } from '../../helpers/github.js';
import { parseJson, useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';

const home = useHome();
const [first = '', second = '', third = ''] = [1, 2, 3].map(() => ed25519Line('').trim());

/** What GitHub answers now. */
let answer: Answer;
let url = '';

beforeEach(async () => {
  url = (
    await serve((request, response) => {
      answer(request, response);
    })
  ).url;
  answer = account('Octocat', [first, second]);
});

const pysync = (...args: readonly string[]): Promise<ExecResult> =>
  home.pysync(args, { env: { GITHUB_API_URL: url } });

/** What a plain import of octocat's first two keys writes. */
let imported = '';

async function importOctocat(...args: readonly string[]): Promise<void> {
  if (args.length === 0 && imported !== '') {
    const before = home.keyLines().map((line) => `${line}\n`);
    home.write('.ssh/authorized_keys', before.join('') + imported, 0o600);
    return;
  }
  expect(await pysync('-i', 'octocat', ...args)).toMatchObject({ exitCode: 0 });
  if (args.length > 0) return;
  const lines = home.keyLines().filter((line) => line.includes(' --source gh:Octocat '));
  imported = lines.map((line) => `${line}\n`).join('');
}

/** The keys that are let in, in the order of their lines, without their type. */
const letIn = (): string[] => home.keyLines().map((line) => line.split(' ').at(-1) ?? '');
const blobs = (...lines: readonly string[]): string[] =>
  lines.map((line) => line.split(' ')[1] ?? '');

describe('pysync refresh', () => {
  it('says that nothing has changed, and changes nothing', async () => {
    await importOctocat();
    const before = await home.snapshot();
    const { stdout, stderr, exitCode } = await pysync('refresh', '--yes');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout.match(/^gh:Octocat {2}SHA256:\S+ {2}Octocat {2}unchanged$/gm)).toHaveLength(2);
    expect(stdout).toContain('nothing has changed that refresh can follow\n');
    expect(await home.snapshot()).toBe(before);
  });

  it('shows what has gone and come, and says how to follow it', async () => {
    await importOctocat();
    answer = account('Octocat', [second, third]);
    const before = await home.snapshot();
    for (const args of [[], ['octocat'], ['gh:OCTOCAT', '--dry-run'], ['--yes', '--dry-run']]) {
      const { stdout, stderr, exitCode } = await pysync('refresh', ...args);
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      expect(stdout.match(/ Octocat {2}unchanged$/gm)).toHaveLength(1);
      expect(stdout.match(/ Octocat {2}gone, would be revoked$/gm)).toHaveLength(1);
      expect(stdout).toContain(`new, would be imported: ${home.path('public')}, read-write\n`);
      expect(stdout).toMatch(/\nnothing was changed; to do this: pysync refresh --yes/);
    }
    expect(await home.snapshot()).toBe(before);
  });

  it('follows it with --yes, and gives new keys the policy of the others', async () => {
    home.write('.ssh/authorized_keys', `# mine\n${ed25519Line('mine')}`, 0o600);
    await importOctocat(
      ...['--dir', 'cats', '--access', 'read-write', '--allow-delete', '--name', 'cat'],
      ...['--from', '10.0.0.0/8', '--expires', '2099-12-31'],
    );
    const [comment, mine, one = '', two] = home.keyLines();
    answer = account('Octocat', [second, third]);
    const result = await pysync('refresh', '--yes', '--json');
    expect(parseJson(result)).toMatchObject({
      applied: true,
      sources: [
        {
          source: 'gh:Octocat',
          failure: null,
          unchanged: [{ name: 'cat' }],
          gone: [{ name: 'cat' }],
          added: [{ name: 'cat', share: home.path('cats'), account: 583231, allowDelete: true }],
          notImported: [],
        },
      ],
      endedTransfers: [],
    });
    const [kept1, kept2, kept3, added = '', ...rest] = home.keyLines();
    expect([kept1, kept2, kept3, rest]).toEqual([comment, mine, two, []]);
    // The same line as the one that went, but for the key and the time.
    const without = (line: string): string =>
      line.replace(/SHA256:\S+|AAAA\S+/g, 'KEY').replace(/--imported [^"]+/, '');
    expect(without(added)).toBe(without(one));
    expect(added).toContain(third);
    expect(await pysync('refresh')).toMatchObject({
      stdout: expect.stringContaining('nothing has changed') as string,
    });
  });

  it.each<[string, Answer, string]>([
    [
      'fails',
      (_, response) => {
        sendJson(response, 503, {});
      },
      'answered 503',
    ],
    ['is limited', limitReached, "GitHub's limit for requests"],
    [
      'is not GitHub',
      (_, response) => {
        response.writeHead(404).end('<html>');
      },
      'does not answer as',
    ],
    [
      'ends too early',
      (request) => {
        request.socket.destroy();
      },
      "can't be reached",
    ],
  ])('revokes nothing where the answer %s', async (_what, failing, reason) => {
    await importOctocat();
    const before = await home.snapshot();
    answer = failing;
    const { stderr, exitCode } = await pysync('refresh', '--yes');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('pysync: gh:Octocat could not be asked: ');
    expect(stderr).toContain(reason);
    expect(stderr).toContain('pysync: the keys from gh:Octocat stay as they are\n');
    expect(await home.snapshot()).toBe(before);
  });

  it('revokes nothing where only the list of keys fails', async () => {
    await importOctocat();
    const whole = account('Octocat', []);
    answer = (request, response) => {
      if (request.url?.includes('/keys') === true)
        sendJson(response, 404, { message: 'Not Found' });
      else whole(request, response);
    };
    expect(await pysync('refresh', '--yes')).toMatchObject({ exitCode: 1 });
    expect(letIn()).toEqual(blobs(first, second));
  });

  it('follows the sources that answer where another one does not', async () => {
    await importOctocat();
    answer = account('bob', [third]);
    await pysync('-i', 'bob');
    const cat = account('Octocat', [first]);
    answer = (request, response) => {
      if (request.url?.includes('bob') === true) sendJson(response, 500, {});
      else cat(request, response);
    };
    expect(await pysync('refresh', '--yes')).toMatchObject({ exitCode: 1 });
    expect(letIn()).toEqual(blobs(first, third));
  });

  it.each<[string, Answer, string]>([
    ['does not exist any more', account('other', []), "there is no GitHub user 'Octocat'"],
    ['has no keys any more', account('Octocat', []), "GitHub user 'Octocat' has no public keys"],
  ])('revokes all keys of an account that %s', async (_what, empty, reason) => {
    await importOctocat();
    answer = empty;
    expect((await pysync('refresh')).stdout).toContain(reason);
    expect(letIn()).toEqual(blobs(first, second));
    expect(await pysync('refresh', '--yes')).toMatchObject({ exitCode: 0 });
    expect(letIn()).toEqual([]);
  });

  it('imports nothing where the name belongs to another account now', async () => {
    await importOctocat();
    answer = account('Octocat', [first, third], 99);
    const { stdout } = await pysync('refresh');
    expect(stdout.match(/gone, would be revoked$/gm)).toHaveLength(2);
    expect(stdout).toContain('belongs to another GitHub account now (99; it was 583231)');
    expect(await pysync('refresh', 'octocat', '--yes')).toMatchObject({ exitCode: 0 });
    expect(letIn()).toEqual([]);
  });

  it('imports nothing where the account at the import is not known', async () => {
    await importOctocat('--access', 'read-only');
    home.write(
      '.ssh/authorized_keys',
      home.read('.ssh/authorized_keys').replaceAll(/--account \d+ /g, ''),
      0o600,
    );
    answer = account('Octocat', [second, third]);
    const { stdout, exitCode } = await pysync('refresh', '--yes');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(
      'new, not imported: the account that its keys came from is not known; if it is still the same: ' +
        `pysync -i gh:Octocat --dir ${home.path('public')} --access read-only\n`,
    );
    expect(letIn()).toEqual(blobs(second));
  });

  it('imports nothing where the other keys do not all have one policy', async () => {
    await importOctocat();
    const [line = '', other = ''] = home.keyLines();
    home.write(
      '.ssh/authorized_keys',
      `${line}\n${other.replace('read-write', 'read-only')}\n`,
      0o600,
    );
    answer = account('Octocat', [first, second, third]);
    const before = await home.snapshot();
    const { stdout, exitCode } = await pysync('refresh', '--yes');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('new, not imported: the keys from gh:Octocat may not all do the same');
    expect(await home.snapshot()).toBe(before);
  });

  it('lets nobody in by a source whose keys have all expired', async () => {
    await importOctocat('--expires', '2099-12-31');
    const lines = home.read('.ssh/authorized_keys').replaceAll('"20991231', '"20201231');
    home.write('.ssh/authorized_keys', lines, 0o600);
    answer = account('Octocat', [first, second, third]);
    expect((await pysync('refresh', '--yes')).stdout).toContain('its other keys have expired');
    expect(letIn()).toEqual(blobs(first, second));
  });

  it('leaves a key as it is that another line has already', async () => {
    home.write('.ssh/authorized_keys', `${third} mine\n`, 0o600);
    const fourth = ed25519Line('').trim();
    await importOctocat();
    await pysync('-i', fourth, '--name', 'bob', '--access', 'read-only');
    answer = account('Octocat', [first, second, third, fourth]);
    const before = await home.snapshot();
    const { stdout } = await pysync('refresh', '--yes');
    expect(stdout).toContain(`line 1 of ${home.path('.ssh/authorized_keys')} has it already`);
    expect(stdout).toContain('new, not imported: it is imported already, from argument');
    expect(await home.snapshot()).toBe(before);
  });

  it('says of sources that cannot be asked why, and fails where there is no other', async () => {
    home.write('bob.pub', ed25519Line('bob'));
    await pysync('-i', 'bob.pub');
    await pysync('-i', ed25519Line('carol'), '--name', 'carol');
    const all = await pysync('refresh', '--yes');
    expect(all).toMatchObject({ stdout: '', exitCode: 0 });
    expect(all.stderr).toContain(
      'pysync: file:bob.pub is not asked again: of a file only its name is kept\n',
    );
    expect(all.stderr).toContain('pysync: argument is not asked again: a key that was typed');
    const one = await pysync('refresh', 'bob');
    expect(one.exitCode).toBe(1);
    expect(one.stderr).toContain('pysync: none of these can be asked again\n');
    expect(await pysync('refresh', 'bub')).toMatchObject({ exitCode: 1 });
    expect(await pysync('refresh', 'SHA256:abc')).toMatchObject({ exitCode: 2 });
  });

  it('removes a key from the second file, too', async () => {
    await importOctocat();
    home.write('.ssh/authorized_keys2', `${home.keyLines()[0] ?? ''}\n`, 0o600);
    home.write('.ssh/authorized_keys', '', 0o600);
    answer = account('Octocat', []);
    await pysync('refresh', '--yes');
    expect(home.read('.ssh/authorized_keys2')).toBe('');
    expect(letIn()).toEqual([]);
  });
});

describe('a list of a GitHub user, given as an address', () => {
  it('is read as the user, and says so', async () => {
    const { stderr, exitCode } = await pysync('-i', 'https://github.com/octocat.keys');
    expect(exitCode).toBe(0);
    expect(stderr).toContain('read as gh:octocat');
    expect(home.keyLines()[0]).toContain('--source gh:Octocat --account 583231 ');
  });

  it('is refused where GITHUB_API_URL names another GitHub, which may know another octocat', async () => {
    const env = { GITHUB_API_URL: 'https://ghe.example.org/api/v3' };
    const before = await home.snapshot();
    for (const address of [
      'https://github.com/octocat.keys',
      'http://www.github.com/octocat.keys',
    ]) {
      const { stderr, exitCode } = await home.pysync(['-i', address], { env });
      expect(exitCode).toBe(1);
      expect(stderr).toContain(
        'these are keys at https://github.com, and GITHUB_API_URL names another',
      );
      expect(stderr).toContain('pysync -i gh:octocat');
    }
    expect(await home.snapshot()).toBe(before);
  });

  it('is one source with the user in what is revoked and refreshed', async () => {
    await importOctocat();
    answer = account('Octocat', [second]);
    const address = 'https://github.com/OCTOCAT.keys';
    expect(await pysync('refresh', address, '--yes')).toMatchObject({ exitCode: 0 });
    expect(letIn()).toEqual(blobs(second));
    expect(await pysync('revoke', address)).toMatchObject({ exitCode: 0 });
    expect(letIn()).toEqual([]);
  });
});

describe('importing a GitHub user again', () => {
  it('is refused where the name belongs to another account now', async () => {
    await importOctocat();
    const before = await home.snapshot();
    answer = account('octocat', [third], 99);
    const { stderr, exitCode } = await pysync('-i', 'octocat');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      'is another account now (99) than the one whose keys are let in (583231)',
    );
    expect(await home.snapshot()).toBe(before);
    await pysync('revoke', 'gh:octocat');
    expect(await pysync('-i', 'octocat')).toMatchObject({ exitCode: 0 });
    expect(home.keyLines()[0]).toContain('--account 99 ');
  });

  it('is refused where GitHub does not tell whose the name is', async () => {
    await importOctocat();
    const before = await home.snapshot();
    answer = (request, response) => {
      if (request.url?.endsWith('.keys') === true) response.end(`${third}\n`);
      else limitReached(request, response);
    };
    const { stderr, exitCode } = await pysync('-i', 'octocat');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('cannot be seen whether');
    expect(await home.snapshot()).toBe(before);
    // The control: without keys from before there is nothing to mix up.
    await pysync('revoke', 'gh:octocat');
    expect(await pysync('-i', 'octocat')).toMatchObject({ exitCode: 0 });
    expect(home.keyLines()[0]).not.toContain('--account');
  });
});
