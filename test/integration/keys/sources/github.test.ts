import { describe, expect, it } from 'vitest';
import { readSource, type SourceContext } from '../../../../src/keys/sources/index.js';
import { account, limitReached, sendJson, serve } from '../../../helpers/github.js';
import type { Answer } from '../../../helpers/github.js';
import { ed25519Line } from '../../../helpers/key-blob.js';

const token = 'ghp_thisMustNeverBeShown';

const newKeys = (count: number): string[] =>
  Array.from({ length: count }, () => ed25519Line('').trim());

/** What importing `source` ends with; it is checked on the way that the token is not in it. */
async function failure(source: string, context: SourceContext): Promise<Record<string, unknown>> {
  const error: unknown = await readSource(source, { githubToken: token, ...context }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('it did not fail');
  const { code, hints } = error as { code?: unknown; hints?: unknown };
  const all = `${error.stack ?? ''} ${JSON.stringify(hints)} ${JSON.stringify(error.cause)}`;
  expect(all).not.toContain(token);
  return { code, message: error.message, hints };
}

describe('a GitHub user', () => {
  it('gives all keys, from all pages, with the account behind the name', async () => {
    const keys = newKeys(230);
    const github = await serve(account('Octocat', keys));
    const result = await readSource('octocat', { githubApiUrl: github.url });
    expect(Buffer.from(result.content).toString().trim().split('\n')).toEqual(keys);
    expect(result).toMatchObject({
      reading: 'github',
      source: 'gh:Octocat',
      defaultName: 'Octocat',
      account: { login: 'Octocat', id: 583231 },
    });
    expect(github.requests).toEqual([
      'GET /users/octocat',
      'GET /users/octocat/keys?per_page=100',
      'GET /users/octocat/keys?per_page=100&page=2',
      'GET /users/octocat/keys?per_page=100&page=3',
    ]);
    expect(github.authorization).toBeUndefined();
  });

  it('is asked for with the token, at GitHub Enterprise too', async () => {
    const github = await serve(account('bob', newKeys(1)));
    const githubApiUrl = `${github.url}/api/v3/`;
    await readSource('gh:bob', { githubApiUrl, githubToken: token });
    expect(github.requests[0]).toBe('GET /api/v3/users/bob');
    expect(github.authorization).toBe(`token ${token}`);
  });

  it('that does not exist gets a sentence', async () => {
    const { url } = await serve(account('bob', []));
    expect(await failure('nobody', { githubApiUrl: url })).toMatchObject({
      code: 'GITHUB_NO_USER',
      message: "there is no GitHub user 'nobody'",
    });
  });

  it('that has no keys gets a sentence', async () => {
    const { url } = await serve(account('bob', []));
    expect(await failure('bob', { githubApiUrl: url })).toMatchObject({
      code: 'GITHUB_NO_KEYS',
      message: "GitHub user 'bob' has no public keys there",
    });
  });

  it('is not read with a token that GitHub does not accept', async () => {
    const { url } = await serve((_request, response) => {
      sendJson(response, 401, { message: 'Bad credentials' });
    });
    expect(await failure('bob', { githubApiUrl: url })).toMatchObject({
      code: 'GITHUB_BAD_TOKEN',
      message: 'GitHub does not accept the token in GITHUB_TOKEN',
    });
  });

  it('is asked for once only where GitHub fails', async () => {
    const github = await serve((_request, response) => {
      sendJson(response, 503, { message: 'Unavailable' });
    });
    expect(await failure('bob', { githubApiUrl: github.url })).toMatchObject({
      code: 'GITHUB_UNREACHABLE',
      message: expect.stringMatching(/^GitHub can't be reached at 127.*answered 503/) as string,
    });
    expect(github.requests).toHaveLength(1);
  });

  it('gets a sentence where nothing listens, or nothing answers', async () => {
    const { url } = await serve(() => undefined);
    expect(await failure('bob', { githubApiUrl: url, timeoutMs: 200 })).toMatchObject({
      code: 'GITHUB_UNREACHABLE',
      message: expect.stringMatching(/no answer within 0.2 s/) as string,
    });
    expect(await failure('bob', { githubApiUrl: 'http://127.0.0.1:1' })).toMatchObject({
      code: 'GITHUB_UNREACHABLE',
      message: expect.stringMatching(/127.0.0.1:1 \((ECONNREFUSED|bad port)\)/) as string,
    });
  });

  it('is not taken in part where an answer is interrupted', async () => {
    const { url } = await serve((request, response) => {
      if (request.url?.includes('keys') !== true) {
        sendJson(response, 200, { login: 'bob', id: 7 });
        return;
      }
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '999' });
      response.write('[{"id":1,"key":"ssh-ed25519 AAAA"}');
      setImmediate(() => request.socket.destroy());
    });
    expect(await failure('bob', { githubApiUrl: url })).toMatchObject({
      code: 'GITHUB_UNREACHABLE',
    });
  });

  it.each([
    ['a page that asks for a login', 200, '<html>Welcome to our hotel', 'text/html'],
    ['another kind of server', 200, '{"hello":"world"}', 'application/json'],
    ['a name that cannot be one', 200, '{"login":"../x","id":1}', 'application/json'],
  ])('is not read from %s', async (_what, status, body, type) => {
    const { url } = await serve((_request, response) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    });
    expect(await failure('bob', { githubApiUrl: url })).toMatchObject({ code: 'GITHUB_STRANGE' });
  });

  it('is not read from what is not a list', async () => {
    const { url } = await serve((request, response) => {
      const isList = request.url?.includes('keys') === true;
      sendJson(response, 200, isList ? 'hello' : { login: 'bob', id: 7 });
    });
    expect(await failure('bob', { githubApiUrl: url })).toMatchObject({ code: 'GITHUB_STRANGE' });
  });

  it('is not followed to another server, which would get the token', async () => {
    const other = await serve(account('bob', newKeys(1)));
    const { url } = await serve((request, response) => {
      const link = { link: `<${other.url}/users/bob/keys>; rel="next"` };
      const isList = request.url?.includes('keys') === true;
      sendJson(response, 200, isList ? [] : { login: 'bob', id: 7 }, isList ? link : {});
    });
    expect(await failure('bob', { githubApiUrl: url })).toMatchObject({ code: 'GITHUB_STRANGE' });
    expect(other.requests).toEqual([]);
  });

  it('is refused where the answer is without end', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const pour = (): void => {
        while (response.write(Buffer.alloc(65_536, ' ')));
      };
      response.on('drain', pour);
      pour();
    });
    expect(await failure('bob', { githubApiUrl: url })).toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  });

  it.each(['http://192.0.2.1/api/v3', 'ftp://127.0.0.1', 'no address'])(
    'is not asked for at %s',
    async (githubApiUrl) => {
      expect(await failure('bob', { githubApiUrl })).toMatchObject({ code: 'GITHUB_BAD_API_URL' });
    },
  );
});

describe("GitHub's rate limit", () => {
  /** Answers the plain page with `page`, and everything else with `limit`. */
  function behind(limit: Answer, page: Answer): Answer {
    return (request, response) => {
      (request.url?.endsWith('.keys') === true ? page : limit)(request, response);
    };
  }

  const keys = `${newKeys(2).join('\n')}\n`;
  const plainPage: Answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(keys);
  };

  it.each<[string, number, Record<string, string>, string]>([
    ['the hourly limit', 403, { 'x-ratelimit-remaining': '0' }, 'API rate limit exceeded'],
    ['the hourly limit, as 429', 429, { 'x-ratelimit-remaining': '0' }, 'rate limit'],
    ['the secondary limit', 403, { 'retry-after': '60' }, 'slow down'],
    ['the secondary limit in words', 403, {}, 'You have exceeded a secondary rate limit.'],
  ])('(%s) is got around through the plain page', async (_what, status, headers, message) => {
    const limit: Answer = (_request, response) => {
      sendJson(response, status, { message }, headers);
    };
    const github = await serve(behind(limit, plainPage));
    const githubApiUrl = `${github.url}/api/v3`;
    const result = await readSource('bob', { githubApiUrl, githubToken: token });
    expect(Buffer.from(result.content).toString()).toBe(keys);
    expect(result).toMatchObject({ reading: 'github', source: 'gh:bob', defaultName: 'bob' });
    expect(result.note).toBe(
      `GitHub's limit for its API is reached, so ${github.url}/bob.keys was read instead`,
    );
    expect(result.account).toBeUndefined();
    expect(github.requests).toEqual(['GET /api/v3/users/bob', 'GET /bob.keys']);
    expect(github.authorization).toBeUndefined();
  });

  it('in the middle of the pages leads to the plain page too', async () => {
    const whole = account('bob', newKeys(150));
    const api: Answer = (request, response) => {
      (request.url?.includes('&page=2') === true ? limitReached : whole)(request, response);
    };
    const { url } = await serve(behind(api, plainPage));
    const result = await readSource('bob', { githubApiUrl: url });
    expect(Buffer.from(result.content).toString()).toBe(keys);
  });

  it.each<[string, string, Answer]>([
    ['the user does not exist', 'GITHUB_NO_USER', (_, response) => response.writeHead(404).end()],
    ['the user has no keys', 'GITHUB_NO_KEYS', (_, response) => response.writeHead(200).end()],
    [
      'the page wants a login',
      'GITHUB_RATE_LIMIT',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    ],
    [
      'the page is limited too',
      'GITHUB_RATE_LIMIT',
      (_, response) => response.writeHead(429).end(),
    ],
    ['the page is interrupted', 'GITHUB_RATE_LIMIT', (request) => request.socket.destroy()],
  ])('gets a sentence where %s', async (_what, code, page) => {
    const { url } = await serve(behind(limitReached, page));
    expect(await failure('bob', { githubApiUrl: url })).toMatchObject({ code });
  });

  it('says when it ends', async () => {
    const { url } = await serve(
      behind(limitReached, (_, response) => response.writeHead(500).end()),
    );
    const { hints } = await failure('bob', { githubApiUrl: url });
    expect(hints).toContain('the limit ends at 2030-01-01T00:00Z');
  });

  it('is not every 403', async () => {
    const { url } = await serve((_request, response) => {
      sendJson(response, 403, { message: 'Resource not accessible by personal access token' });
    });
    expect(await failure('bob', { githubApiUrl: url })).toMatchObject({ code: 'GITHUB_REFUSED' });
  });
});
