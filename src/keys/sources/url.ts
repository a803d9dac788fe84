/** An `https://` address that answers with a list of keys. */
import { PysyncError } from '../../errors.js';
import { printable } from '../../system/text.js';
import { fetchText, type FetchedText } from './fetch.js';
import { githubListAt, requireSameGithub } from './github-address.js';
import { apiOf, github } from './github.js';
import { forPolicy, listsNothing, longestInPolicy, nameFromFile } from './source.js';
import type { KeySource } from './source.js';

const timeoutMs = 20_000;

export const url: KeySource = {
  reading: 'url',
  inPolicy: 'https://',
  whyNotAskable: (kept) => {
    // The part behind the ? is not kept, and without it another list may be there.
    const isWhole = !kept.includes('?') && Array.from(kept).length < longestInPolicy;
    return isWhole ? undefined : 'its address was not kept in full';
  },
  recognises: (source) => /^[a-z][a-z0-9+.-]*:\/\//i.test(source),
  read: async (source, context) => {
    const address = parseAddress(source);
    const apiUrl = apiOf(context);
    const list = githubListAt(address, apiUrl);
    if (list !== undefined) {
      requireSameGithub(list, apiUrl);
      const note = `read as gh:${list.login}, so that a change of the account behind the name is noticed`;
      return { note, ...(await github.read(list.login, context)) };
    }
    requireHttps(address);
    const answer = await fetchText(address, {
      timeoutMs: context.timeoutMs ?? timeoutMs,
      mayAsk: (target) => {
        const { login } = githubListAt(target, apiUrl) ?? {};
        if (login !== undefined) throw leadsToGithub(address, login);
        return target.protocol === 'https:';
      },
    });
    // Of the query only that there was one: it may hold a token, and anybody may read the policy.
    const place = `${address.origin}${address.pathname}`;
    const origin = printable(place);
    requireList(address, answer, origin);
    const fileName = /([^/]+\.(?:keys|pub|txt))$/i.exec(address.pathname)?.[1];
    return {
      reading: 'url',
      source: forPolicy(address.search === '' ? place : `${place}?`),
      defaultName: fileName === undefined ? undefined : nameFromFile(fileName),
      content: answer.content,
      origin,
    };
  },
};

/** An address without what may be a password or a token. */
function shownAddress(source: string): string {
  return printable(source.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//'));
}

function requireHttps({ protocol, href }: URL): void {
  if (protocol === 'https:') return;
  throw new PysyncError(
    'URL_NOT_HTTPS',
    `keys are only fetched over https, not '${shownAddress(href)}'`,
    {
      hints: ['without https, anyone on the way could put a key of their own in the answer'],
      exitStatus: 2,
    },
  );
}

function leadsToGithub({ host }: URL, login: string): PysyncError {
  const sentence = `${host} redirects to the keys of GitHub user '${login}'`;
  return new PysyncError('URL_LEADS_TO_GITHUB', sentence, {
    hints: [`import them by name, so that the account is known: pysync -i gh:${login}`],
  });
}

function parseAddress(source: string): URL {
  const shown = shownAddress(source);
  if (!URL.canParse(source)) {
    throw new PysyncError('URL_MALFORMED', `'${shown}' is not an address`, { exitStatus: 2 });
  }
  const address = new URL(source);
  if (address.username !== '' || address.password !== '') {
    throw new PysyncError('URL_HAS_PASSWORD', 'an address with a user name is not supported', {
      hints: ['fetch the keys yourself: curl … | pysync -i -'],
      exitStatus: 2,
    });
  }
  return address;
}

function requireList(address: URL, answer: FetchedText, origin: string): void {
  if (answer.status === 404 || answer.status === 410) {
    throw new PysyncError('URL_NOT_FOUND', `there is nothing at ${origin} (${answer.status})`);
  }
  if (answer.status < 200 || answer.status > 299) {
    throw new PysyncError('URL_REFUSED', `${address.host} answered ${answer.status} for ${origin}`);
  }
  if (answer.isHtml) {
    const user = /^\/([A-Za-z0-9_-]+)\/?$/.exec(address.pathname)?.[1];
    const isGithub = address.host === 'github.com' && user !== undefined;
    throw new PysyncError('URL_IS_PAGE', `${origin} is a web page, not a list of keys`, {
      hints: [
        isGithub
          ? `for the keys of that GitHub user: pysync -i gh:${user}`
          : 'give the address of the plain text; on many sites it ends in .keys',
      ],
    });
  }
  if (listsNothing(answer.content)) {
    throw new PysyncError('SOURCE_EMPTY', `${origin} lists no key`, {
      hints: ['its owner may have published none'],
    });
  }
}
