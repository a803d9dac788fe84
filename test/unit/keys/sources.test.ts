import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { githubListAt, isGithubLogin, webBase } from '../../../src/keys/sources/github-address.js';
import { readSource } from '../../../src/keys/sources/index.js';
import { forPolicy, nameFromFile } from '../../../src/keys/sources/source.js';
import { ed25519Line } from '../../helpers/key-blob.js';

describe('a source', () => {
  it('is a key where it looks like one', async () => {
    const key = ed25519Line();
    const result = await readSource(key);
    expect(result).toMatchObject({ reading: 'argument', source: 'argument' });
    expect(result.defaultName).toBeUndefined();
    expect(Buffer.from(result.content).toString()).toBe(key);
  });

  it.each([
    'restrict,command="x" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA bob',
    '---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----',
    'ssh-rsa cut',
  ])('is a key, good or not: %j', async (source) => {
    expect((await readSource(source)).reading).toBe('argument');
  });

  it.each([
    ['ssh-ed25519', 'KEY_NOT_QUOTED', "'ssh-ed25519' is only the type of a key"],
    ['', 'SOURCE_UNKNOWN', "'' is neither a file nor a GitHub user name"],
    ['two words', 'SOURCE_UNKNOWN', "'two words' is neither a file nor a GitHub user name"],
    ['keys/bob', 'SOURCE_MISSING', "there is no file 'keys/bob'"],
    ['bob.pub', 'SOURCE_MISSING', "there is no file 'bob.pub'"],
    ['file:octocat', 'SOURCE_MISSING', "there is no file 'octocat'"],
    ['\u001b[2J.pub', 'SOURCE_MISSING', "there is no file '\\u001b[2J.pub'"],
    ['a\0b', 'SOURCE_UNKNOWN', "'a\\u0000b' is neither a file nor a GitHub user name"],
    ['x'.repeat(300), 'SOURCE_UNKNOWN', expect.stringMatching(/neither a file nor/)],
    ['gh:a/b', 'GITHUB_BAD_NAME', "'a/b' is not a GitHub user name"],
    ['gh:', 'GITHUB_BAD_NAME', "'' is not a GitHub user name"],
    ['http://h/k', 'URL_NOT_HTTPS', "keys are only fetched over https, not 'http://h/k'"],
    ['ftp://h/k', 'URL_NOT_HTTPS', "keys are only fetched over https, not 'ftp://h/k'"],
    ['https://', 'URL_MALFORMED', "'https://' is not an address"],
    ['https://u:secret@h/k', 'URL_HAS_PASSWORD', 'an address with a user name is not supported'],
  ])('%j is refused as %s', async (source, code, message: unknown) => {
    await expect(readSource(source)).rejects.toMatchObject({ code, message });
  });

  it.each(['http://u:secret@h/k', 'http://h/k?token=secret', 'https://u:secret@'])(
    '%j is refused without its secret',
    async (source) => {
      const error: unknown = await readSource(source).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Error);
      expect(String(error)).not.toContain('secret');
    },
  );

  it('is standard input where it is a dash', async () => {
    const result = await readSource('-', { stdin: Readable.from([Buffer.from('ke'), 'y']) });
    expect(result).toMatchObject({ reading: 'stdin', source: 'stdin', origin: 'standard input' });
    expect(Buffer.from(result.content).toString()).toBe('key');
  });

  it('is refused where standard input is empty or endless', async () => {
    const endless = function* (): Generator<Buffer> {
      for (;;) yield Buffer.alloc(65_536, 'x');
    };
    await expect(readSource('-', { stdin: Readable.from([]) })).rejects.toMatchObject({
      code: 'SOURCE_EMPTY',
    });
    await expect(readSource('-', { stdin: Readable.from(endless()) })).rejects.toMatchObject({
      code: 'SOURCE_TOO_LARGE',
    });
  });
});

describe('a GitHub login', () => {
  it.each(['octocat', 'a', 'A-b-9', 'old--name-', 'octo_corp', 'x'.repeat(39)])(
    'can be %s',
    (name) => {
      expect(isGithubLogin(name)).toBe(true);
    },
  );

  it.each(['', '-a', 'a.b', 'a b', 'a/b', '../a', 'é', 'a\n', 'x'.repeat(40)])(
    'cannot be %j',
    (name) => {
      expect(isGithubLogin(name)).toBe(false);
    },
  );
});

describe('an address is that of a GitHub user’s keys', () => {
  const own = 'https://api.github.com';
  it.each<[string, string, string?]>([
    [own, 'https://github.com/octo-cat.keys', 'octo-cat'],
    [own, 'http://WWW.GitHub.com.:443//Octo_cat.KEYS/?a#b', 'Octo_cat'],
    [own, 'https://github.com/x/../octocat%2ekeys', 'octocat'],
    [own, 'https://api.github.com/users/octocat/keys?page=2', 'octocat'],
    ['https://ghe.example.org/api/v3', 'https://ghe.example.org/octocat.keys', 'octocat'],
    [
      'https://ghe.example.org/api/v3/',
      'https://ghe.example.org/API/v3/users/octocat/keys',
      'octocat',
    ],
    ['https://example.org/github/api/v3', 'https://example.org/github/octocat.keys', 'octocat'],
    ['https://example.org/github/api/v3', 'https://example.org/octocat.keys'],
    ['https://api.octocorp.ghe.com', 'https://octocorp.ghe.com/octocat.keys', 'octocat'],
    ['https://ghe.example.org/api/v3', 'https://github.com/octocat.keys', 'octocat'],
    [own, 'https://ghe.example.org/octocat.keys'],
    [own, 'https://gitlab.com/octocat.keys'],
    [own, 'https://github.com:8443/octocat.keys'],
    [own, 'https://notgithub.com/octocat.keys'],
    [own, 'https://github.com/octocat/repo/raw/main/team.keys'],
    [own, 'https://github.com/octocat'],
    [own, 'https://github.com/%E0%A4%A.keys'],
  ])('for the API at %s: %s', (api, address, login) => {
    expect(githubListAt(new URL(address), new URL(api))?.login).toBe(login);
  });
});

describe('the web pages that belong to an API', () => {
  it.each([
    ['https://api.github.com', 'https://github.com'],
    ['https://api.github.com/', 'https://github.com'],
    ['https://ghe.example.org/api/v3', 'https://ghe.example.org'],
    ['https://ghe.example.org:8443/api/v3/', 'https://ghe.example.org:8443'],
    ['https://example.org/github/api/v3', 'https://example.org/github'],
    ['https://api.octocorp.ghe.com', 'https://octocorp.ghe.com'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['https://api.example.org', 'https://api.example.org'],
  ])('%s are at %s', (api, web) => {
    expect(webBase(new URL(api))).toBe(web);
  });
});

describe('the name that a file suggests for its peer', () => {
  it.each([
    ['bob.pub', 'bob'],
    ['bob', 'bob'],
    ['bob-laptop.keys', 'bob-laptop'],
    ['id_ed25519.pub', undefined],
    ['id_rsa', undefined],
    ['id_ed25519_sk.pub', undefined],
    ['authorized_keys', undefined],
    ['authorized_keys2', undefined],
    ['keys', undefined],
    ['key.pub', undefined],
    ['public_key.txt', undefined],
    ['identity.pub', undefined],
    ['.pub', undefined],
    ['.hidden', undefined],
  ])('%s: %s', (fileName, name) => {
    expect(nameFromFile(fileName)).toBe(name);
  });
});

describe('the source that goes into a policy', () => {
  it('has nothing that a shell or a terminal acts on in quotes', () => {
    expect(forPolicy('a\'b"c\\d\ne\u202ef')).toBe('a?b?c?d?e?f');
    expect(forPolicy('Zoë 笔记.pub')).toBe('Zoë 笔记.pub');
    expect(forPolicy('x'.repeat(500))).toHaveLength(200);
  });
});
