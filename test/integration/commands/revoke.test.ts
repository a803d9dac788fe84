/** `pysync revoke`, by every way to name a key; revoke-running.test.ts has the transfers it ends. */
import { beforeEach, describe, expect, it } from 'vitest';
import { parseJson, useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';

const home = useHome();
const mine = ed25519Line('mine');

/** The names of the peers that are let in. */
const names = (): string[] =>
  home.keyLines().flatMap((line) => / --peer (\S+)/.exec(line)?.slice(1) ?? []);

const fingerprintOf = (name: string): string => {
  const line = home.keyLines().find((each) => each.includes(`--peer ${name} `)) ?? '';
  return / --key (\S+)/.exec(line)?.[1] ?? '';
};

/** What `~/.ssh/authorized_keys` holds before each test. */
let imported = '';

beforeEach(async () => {
  imported ||= await importAll();
  home.write('.ssh/authorized_keys', imported, 0o600);
});

async function importAll(): Promise<string> {
  home.write('.ssh/authorized_keys', `# keep me\n${mine}\n`, 0o600);
  home.write('team.keys', `${ed25519Line()}\n${ed25519Line()}\n`);
  await home.pysync(['-i', ed25519Line(), '--name', 'bob']);
  await home.pysync(['-i', ed25519Line(), '--name', 'octocat']);
  await home.pysync(['-i', 'team.keys']);
  expect(names()).toEqual(['bob', 'octocat', 'team', 'team']);
  return home
    .read('.ssh/authorized_keys')
    .replace(/(--peer octocat .* --source )argument/, '$1gh:octocat');
}

describe('pysync revoke', () => {
  it('revokes every key of a name, and leaves all other lines', async () => {
    const { stdout, stderr, exitCode } = await home.pysync(['revoke', 'team', 'bob']);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout.match(/^(?:bob|team) .* revoked$/gm)).toHaveLength(3);
    expect(stdout).toContain('files that were sent stay where they are');
    expect(home.keyLines().slice(0, 2)).toEqual(['# keep me', mine]);
    expect(names()).toEqual(['octocat']);
  });

  it('knows a key by its fingerprint', async () => {
    expect(await home.pysync(['revoke', fingerprintOf('bob')])).toMatchObject({ exitCode: 0 });
    expect(names()).toEqual(['octocat', 'team', 'team']);
    const [, digits = ''] = fingerprintOf('octocat').split(':');
    expect(await home.pysync(['revoke', digits])).toMatchObject({ exitCode: 0 });
    expect(names()).toEqual(['team', 'team']);
  });

  it('knows keys by where they came from: a GitHub user in any case, a file', async () => {
    expect(await home.pysync(['revoke', 'gh:OctoCat'])).toMatchObject({ exitCode: 0 });
    expect(names()).toEqual(['bob', 'team', 'team']);
    expect(await home.pysync(['revoke', 'team.keys'])).toMatchObject({ exitCode: 0 });
    expect(names()).toEqual(['bob']);
  });

  it('revokes nothing where one of the names is not known, and says which there are', async () => {
    const before = await home.snapshot();
    const { stdout, stderr, exitCode } = await home.pysync(['revoke', 'bob', 'bub']);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
    expect(stderr).toBe(
      "pysync: no imported key is called 'bub'\n" +
        '  there are keys of: bob, octocat, team\n' +
        '  see pysync keys for fingerprints and sources\n',
    );
    expect(await home.snapshot()).toBe(before);
  });

  it('shows with --dry-run what it would revoke, and does nothing', async () => {
    const before = await home.snapshot();
    const { stdout, exitCode } = await home.pysync(['revoke', 'team', '--dry-run']);
    expect(exitCode).toBe(0);
    expect(stdout.match(/^team .* would be revoked$/gm)).toHaveLength(2);
    expect(stdout).not.toContain('files that were sent');
    expect(await home.snapshot()).toBe(before);
  });

  it('sweeps with --expired the keys that have expired, and no other', async () => {
    const none = await home.pysync(['revoke', '--expired']);
    expect(none).toMatchObject({ stdout: '', stderr: 'pysync: no key has expired\n', exitCode: 0 });
    const lines = home.keyLines().map((line) => {
      const year = / --peer (team|bob) /.exec(line)?.[1] === 'team' ? 2020 : 2099;
      return line.replace('restrict,', `restrict,expiry-time="${year}0102030405",`);
    });
    const text = `${lines.join('\n')}\n`;
    home.write('.ssh/authorized_keys', text, 0o600);
    const dry = await home.pysync(['revoke', '--expired', '--dry-run']);
    expect(dry.stdout.match(/^team .* would be revoked$/gm)).toHaveLength(2);
    expect(home.read('.ssh/authorized_keys')).toBe(text);
    expect(await home.pysync(['revoke', '--expired'])).toMatchObject({ exitCode: 0 });
    expect(names()).toEqual(['bob', 'octocat']);
    expect(home.keyLines().slice(0, 2)).toEqual(['# keep me', mine]);
    expect(await home.pysync(['revoke', 'bob', '--expired'])).toMatchObject({ exitCode: 2 });
    expect(names()).toEqual(['bob', 'octocat']);
  });

  it('prints with --json what it revoked', async () => {
    const fingerprint = fingerprintOf('octocat');
    const result = await home.pysync(['revoke', 'octocat', '--json']);
    expect(parseJson(result)).toMatchObject({
      dryRun: false,
      revoked: [{ name: 'octocat', fingerprint, source: 'gh:octocat' }],
      endedTransfers: [],
    });
  });

  it('revokes a key from the second file, too', async () => {
    const lines = home.read('.ssh/authorized_keys');
    home.write('.ssh/authorized_keys', '', 0o600);
    home.write('.ssh/authorized_keys2', lines, 0o600);
    expect(await home.pysync(['revoke', 'team'])).toMatchObject({ exitCode: 0 });
    expect(home.read('.ssh/authorized_keys2')).not.toContain('--peer team ');
    expect(home.read('.ssh/authorized_keys2')).toContain('--peer bob ');
  });
});
