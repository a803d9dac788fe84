/** An `https://` address that answers with a list of keys. */
import { PysyncError } from '../../errors.js';
import { printable } from '../../system/text.js';
import { fetchText, type FetchedText } from './fetch.js';
import { forPolicy, nameFromFile, type KeySource } from './source.js';

const timeoutMs = 20_000;

export const url: KeySource = {
  reading: 'url',
  recognises: (source) => /^[a-z][a-z0-9+.-]*:\/\//i.test(source),
  read: async (source, context) => {
    const address = parseAddress(source);
    const answer = await fetchText(address, {
      timeoutMs: context.timeoutMs ?? timeoutMs,
      signal: context.signal,
      mayAsk: (target) => target.protocol === 'https:',
    });
    // Of the query only that there was one: it may hold a token, and the policy is there for all
    // to read.
    const place = `${address.origin}${address.pathname}`;
    const origin = printable(place);
    refuseNoList(address, answer, origin);
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

function parseAddress(source: string): URL {
  const shown = printable(source.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//'));
  if (!URL.canParse(source)) {
    throw new PysyncError('URL_MALFORMED', `'${shown}' is no address`, { exitStatus: 2 });
  }
  const address = new URL(source);
  if (address.protocol !== 'https:') {
    throw new PysyncError('URL_NOT_HTTPS', `keys are only fetched over https, not '${shown}'`, {
      hints: ['without https, anyone on the way could put a key of their own in the answer'],
      exitStatus: 2,
    });
  }
  if (address.username !== '' || address.password !== '') {
    throw new PysyncError('URL_HAS_PASSWORD', 'an address with a user name is not supported', {
      hints: ['fetch the keys yourself: curl … | pysync -i -'],
      exitStatus: 2,
    });
  }
  return address;
}

function refuseNoList(address: URL, answer: FetchedText, origin: string): void {
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
  if (answer.content.length === 0) {
    throw new PysyncError('SOURCE_EMPTY', `${origin} is empty`, {
      hints: ['its owner may have published no key'],
    });
  }
}
