/**
 * A GitHub user's keys, written as an address: `https://github.com/octocat.keys` and the like. They
 * are read as `gh:octocat` is, through the API, which alone tells the account behind the name.
 *
 * SECURITY: read as an ordinary list, a name that somebody else has registered by now would let them
 * in (test/attacks/registered-again.test.ts). So whatever leads to such a list counts, however it is
 * spelled, also over http: nothing is fetched from the address itself.
 */
import { PysyncError } from '../../errors.js';

/**
 * Whether `text` can be a GitHub login. Looser than the rule for new accounts: old ones end with a
 * hyphen or have two in a row, and those that an enterprise manages have an underscore.
 */
export function isGithubLogin(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,38}$/.test(text);
}

export const publicApi = 'https://api.github.com';

/** A list of a user's keys at a GitHub: whose, and the API of that GitHub. */
export interface GithubList {
  readonly login: string;
  readonly api: string;
}

/** The list at `address`; `apiUrl` is the API that the owner has named, or GitHub's own. */
export function githubListAt(address: URL, apiUrl: URL): GithubList | undefined {
  for (const api of [apiUrl, new URL(publicApi)]) {
    const login =
      loginBelow(address, new URL(webBase(api)), /^([\w-]+)\.keys\b/i) ??
      loginBelow(address, api, /^users\/([\w-]+)\/keys\b/i);
    if (login !== undefined) return { login, api: api.href };
  }
  return undefined;
}

/**
 * Refuses the list of another GitHub than the one that is asked, where the name may be somebody
 * else's. An API on this very machine takes GitHub's place.
 */
export function requireSameGithub({ login, api }: GithubList, apiUrl: URL): void {
  if (api === apiUrl.href || isLoopback(apiUrl)) return;
  throw new PysyncError(
    'GITHUB_OTHER_SERVER',
    `these are keys at ${webBase(new URL(api))}, and GITHUB_API_URL names another GitHub`,
    { hints: [`for this one command: GITHUB_API_URL=${publicApi} pysync -i gh:${login}`] },
  );
}

/** What `path` finds in the address below `base`, in any scheme, with any escapes and slashes. */
function loginBelow(address: URL, base: URL, path: RegExp): string | undefined {
  if (placeOf(address) !== placeOf(base)) return undefined;
  const [whole, below] = [address, base].map(({ pathname }) =>
    decode(pathname).replaceAll(/\/+/g, '/').replace(/\/$/, ''),
  );
  const prefix = `${below ?? ''}/`;
  if (whole?.toLowerCase().startsWith(prefix.toLowerCase()) !== true) return undefined;
  return path.exec(whole.slice(prefix.length))?.[1];
}

/** Host and port, without what makes no difference. */
function placeOf({ hostname, port }: URL): string {
  const usual = ['', '80', '443'].includes(port) ? '' : `:${port}`;
  return hostname.replace(/^www\./, '').replace(/\.$/, '') + usual;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * Where people see the GitHub whose API is at `apiUrl`: github.com, a GitHub Enterprise Server
 * (`https://HOST/api/v3`) or a tenant of ghe.com (`https://api.TENANT.ghe.com`).
 */
export function webBase(apiUrl: URL): string {
  const path = apiUrl.pathname.replace(/\/+$/, '').replace(/\/api\/v3$/, '');
  const host = /^api\.(github\.com|[a-z0-9-]+\.ghe\.com)$/.exec(apiUrl.host)?.[1] ?? apiUrl.host;
  return `${apiUrl.protocol}//${host}${path}`;
}

export function isLoopback({ hostname }: URL): boolean {
  return ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}
