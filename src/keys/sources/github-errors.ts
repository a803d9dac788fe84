/** What GitHub's answers mean to a person. None of these sentences can hold the token. */
import { PysyncError } from '../../errors.js';

const askForFile = 'or ask for the key file itself and import that: pysync -i bob.pub';

export function noSuchUser(login: string): PysyncError {
  return new PysyncError('GITHUB_NO_USER', `there is no GitHub user '${login}'`, {
    hints: ['if you mean a key file, check its path', 'check the spelling of the name'],
  });
}

export function noKeys(login: string): PysyncError {
  return new PysyncError('GITHUB_NO_KEYS', `GitHub user '${login}' has no public keys there`, {
    hints: ['ask them to add one at https://github.com/settings/keys', askForFile],
  });
}

export function badToken(): PysyncError {
  return new PysyncError('GITHUB_BAD_TOKEN', 'GitHub does not accept the token in GITHUB_TOKEN', {
    hints: ['renew it, or unset it: public keys can be read without one'],
  });
}

/** `why` completes "GitHub can't be reached (…)": an error code, `answered 503`, … */
export function unreachable(host: string, why: string): PysyncError {
  return new PysyncError('GITHUB_UNREACHABLE', `GitHub can't be reached at ${host} (${why})`, {
    hints: ['check the network and try again', askForFile],
  });
}

export function strangeAnswer(host: string): PysyncError {
  return new PysyncError('GITHUB_STRANGE', `${host} does not answer as GitHub's API does`, {
    hints: ['check GITHUB_API_URL, and whether this network wants a login first', askForFile],
  });
}

export function refused(host: string, status: number): PysyncError {
  return new PysyncError('GITHUB_REFUSED', `GitHub refused the request (${host}: ${status})`, {
    hints: ['if GITHUB_TOKEN is set, try without it', askForFile],
  });
}

/** `resetsAt` is in seconds since 1970, as in GitHub's `x-ratelimit-reset`. */
export function rateLimited(resetsAt: number | undefined): PysyncError {
  const until =
    resetsAt === undefined
      ? []
      : [`the limit ends at ${new Date(resetsAt * 1000).toISOString().slice(0, 16)}Z`];
  return new PysyncError(
    'GITHUB_RATE_LIMIT',
    "GitHub's limit for requests from this address is reached",
    { hints: [...until, 'set GITHUB_TOKEN for a higher limit', askForFile] },
  );
}
