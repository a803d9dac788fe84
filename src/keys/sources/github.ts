/** A GitHub user: every public key that the account has published. */
import { PysyncError } from '../../errors.js';
import { printable } from '../../system/text.js';
import { fetchText } from './fetch.js';
import { isGithubLogin, isLoopback, publicApi, webBase } from './github-address.js';
import { askApi, type RateLimit } from './github-api.js';
import * as problems from './github-errors.js';
import { largestSource, listsNothing, tooLarge } from './source.js';
import type { KeySource, SourceContext, SourceResult } from './source.js';

const timeoutMs = 15_000;

export const github: KeySource = {
  reading: 'github',
  prefix: 'gh:',
  inPolicy: 'gh:',
  whyNotAskable: () => undefined,
  recognises: isGithubLogin,
  read: async (login, context) => {
    if (!isGithubLogin(login)) {
      throw new PysyncError('GITHUB_BAD_NAME', `'${printable(login)}' is not a GitHub user name`, {
        hints: ['a name has letters, digits and hyphens only: gh:octocat'],
        exitStatus: 2,
      });
    }
    const apiUrl = apiOf(context);
    const answer = await askApi(login, {
      apiUrl,
      token: context.githubToken === '' ? undefined : context.githubToken,
      timeoutMs: context.timeoutMs ?? timeoutMs,
    });
    if ('rateLimited' in answer) {
      // The plain page does not tell whose name it is by now.
      if (context.needsAccount === true) throw problems.rateLimited(answer.resetsAt);
      return readKeysPage(login, apiUrl, answer, context);
    }
    const { account, keys } = answer;
    const content = Buffer.from(keys.map((key) => `${key}\n`).join(''));
    return { ...resultFor(account.login, content), account };
  },
};

function resultFor(login: string, content: Uint8Array): SourceResult {
  const origin = `GitHub user '${login}'`;
  if (listsNothing(content)) throw problems.noKeys(login);
  if (content.length > largestSource) throw tooLarge(origin);
  return { reading: 'github', source: `gh:${login}`, defaultName: login, content, origin };
}

/** The same keys from the plain page, which has another limit than the API. */
async function readKeysPage(
  login: string,
  apiUrl: URL,
  limit: RateLimit,
  context: SourceContext,
): Promise<SourceResult> {
  const page = new URL(`${webBase(apiUrl)}/${login}.keys`);
  const answer = await fetchText(page, {
    timeoutMs: context.timeoutMs ?? timeoutMs,
    mayAsk: isSafe,
  }).catch((error: unknown) => {
    if (error instanceof PysyncError) return undefined;
    throw error;
  });
  if (answer?.status === 404) throw problems.noSuchUser(login);
  // GitHub Enterprise in private mode answers with its login page.
  if (answer?.status !== 200 || answer.isHtml) throw problems.rateLimited(limit.resetsAt);
  const note = `GitHub's limit for its API is reached, so ${page.href} was read instead`;
  return { ...resultFor(login, answer.content), note };
}

/** The API that is asked. Throws PysyncError `GITHUB_BAD_API_URL`. */
export function apiOf({ githubApiUrl: text = publicApi }: SourceContext): URL {
  if (!URL.canParse(text)) {
    throw new PysyncError(
      'GITHUB_BAD_API_URL',
      `GITHUB_API_URL is not an address: '${printable(text)}'`,
    );
  }
  const apiUrl = new URL(text);
  if (isSafe(apiUrl)) return apiUrl;
  throw new PysyncError('GITHUB_BAD_API_URL', 'GITHUB_API_URL has to begin with https://', {
    hints: ['without https, anyone on the way could put a key of their own in the answer'],
  });
}

/** Plain http is for a server on this very machine. */
function isSafe(address: URL): boolean {
  return address.protocol === 'https:' || (address.protocol === 'http:' && isLoopback(address));
}
