/**
 * GitHub's REST API through octokit, which is loaded only when it is used. Without octokit's own
 * retries and throttling: they wait for minutes, and a person sees nothing happen.
 */
import { PysyncError } from '../../errors.js';
import { isAccountId } from '../../gate/policy.js';
import { readBody, whyNot } from './fetch.js';
import * as problems from './github-errors.js';
import { isGithubLogin } from './github-address.js';

export interface GithubKeys {
  readonly account: { readonly login: string; readonly id: number };
  /** Each `type base64`, as GitHub stores them. */
  readonly keys: readonly string[];
}

export interface ApiOptions {
  readonly apiUrl: URL;
  readonly token: string | undefined;
  readonly timeoutMs: number;
}

/** `resetsAt`: when the limit ends, in seconds since 1970, where GitHub tells. */
export interface RateLimit {
  readonly rateLimited: true;
  readonly resetsAt: number | undefined;
}

/** All keys of `login`, from all pages, or that GitHub's rate limit is in the way. */
export async function askApi(login: string, options: ApiOptions): Promise<GithubKeys | RateLimit> {
  const { apiUrl } = options;
  const timeout = AbortSignal.timeout(options.timeoutMs);
  let account: GithubKeys['account'] | undefined;
  const { Octokit } = await import('octokit');
  const octokit = new Octokit({
    ...(options.token === undefined ? {} : { auth: options.token }),
    baseUrl: apiUrl.href.replace(/\/+$/, ''),
    userAgent: 'pysync',
    retry: { enabled: false },
    throttle: { enabled: false },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    request: { signal: timeout, fetch: wholeAnswerFrom(apiUrl) },
  });
  try {
    const user: unknown = (await octokit.rest.users.getByUsername({ username: login })).data;
    account = accountOf(user, apiUrl.host);
    const keys: unknown[] = await octokit.paginate(octokit.rest.users.listPublicKeysForUser, {
      username: login,
      per_page: 100,
    });
    return { account, keys: keysOf(keys, apiUrl.host) };
  } catch (error) {
    if (error instanceof PysyncError) throw error;
    if (timeout.aborted) {
      throw problems.unreachable(apiUrl.host, `no answer within ${options.timeoutMs / 1000} s`);
    }
    return explain(error, login, apiUrl.host, account !== undefined);
  }
}

const quiet = (): void => undefined;

/**
 * A fetch for octokit that hands on an answer only when it is whole, bounded and from the API.
 *
 * octokit takes an interrupted body for an empty one, and so would silently leave out a page of keys; it reads bodies of any length; and it follows the `next` link of a list to wherever
 * that points, token included.
 */
function wholeAnswerFrom(apiUrl: URL): typeof fetch {
  return async (input, init) => {
    const asked = new URL(input instanceof Request ? input.url : input);
    if (asked.origin !== apiUrl.origin) throw problems.strangeAnswer(apiUrl.host);
    const response = await fetch(input, init);
    if (new URL(response.url).origin !== apiUrl.origin) throw problems.strangeAnswer(apiUrl.host);
    const body = await readBody(response, `the answer of ${apiUrl.host}`);
    const { status, statusText, headers } = response;
    const hasNoBody = body.length === 0 || status === 204 || status === 205 || status === 304;
    return new Response(hasNoBody ? null : body, { status, statusText, headers });
  };
}

/** The sentence for a failed request; octokit's own error holds the request and stays behind. */
function explain(error: unknown, login: string, host: string, isThere: boolean): RateLimit {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof PysyncError) throw cause;
  // octokit fails on an answer that is not a list, such as a page that asks for a login.
  if (!(error instanceof Error && error.name === 'HttpError')) throw problems.strangeAnswer(host);
  const response = responseOf(error);
  if (response === undefined) throw problems.unreachable(host, whyNot(cause ?? error));
  const { status, headers, message, says } = response;
  if (status === 401) throw problems.badToken();
  // Keys are revoked on this answer, so it has to be GitHub's own: an address that is not quite that
  // of its API answers 404 as well.
  if (status === 404 && !isThere && says === 'Not Found') throw problems.noSuchUser(login);
  if (status === 404) throw problems.strangeAnswer(host);
  // GitHub has two limits: the hourly one counts down to 0 in a header; the "secondary" one, for
  // too many requests at once, comes with retry-after or only with words.
  const limited =
    status === 429 ||
    (status === 403 &&
      (headers['x-ratelimit-remaining'] === '0' ||
        'retry-after' in headers ||
        /rate limit/i.test(message)));
  if (limited) {
    const resetsAt = Number(headers['x-ratelimit-reset'] ?? NaN);
    return { rateLimited: true, resetsAt: resetsAt > 0 && resetsAt < 1e11 ? resetsAt : undefined };
  }
  if (status >= 500) throw problems.unreachable(host, `answered ${status}`);
  throw problems.refused(host, status);
}

interface FailedResponse {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly message: string;
  /** What the body itself calls the failure. */
  readonly says: unknown;
}

function responseOf(error: unknown): FailedResponse | undefined {
  if (!(error instanceof Error) || !('response' in error) || !isRecord(error.response)) {
    return undefined;
  }
  const { status, headers, data } = error.response;
  if (typeof status !== 'number') return undefined;
  return {
    status,
    headers: isRecord(headers) ? headers : {},
    message: error.message,
    says: isRecord(data) ? data['message'] : undefined,
  };
}

function accountOf(user: unknown, host: string): { login: string; id: number } {
  if (!isRecord(user)) throw problems.strangeAnswer(host);
  const { login, id } = user;
  if (typeof login !== 'string' || !isGithubLogin(login) || !isAccountId(String(id))) {
    throw problems.strangeAnswer(host);
  }
  return { login, id: Number(id) };
}

function keysOf(list: readonly unknown[], host: string): string[] {
  return list.map((item) => {
    const key = isRecord(item) ? item['key'] : undefined;
    if (typeof key !== 'string') throw problems.strangeAnswer(host);
    return key;
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
