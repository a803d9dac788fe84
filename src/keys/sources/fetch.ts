/** One bounded download: so many bytes, so many seconds, and only from where it may come. */
import { errnoOf, PysyncError } from '../../errors.js';
import { printable } from '../../system/text.js';
import { largestSource, tooLarge } from './source.js';

export interface FetchOptions {
  readonly timeoutMs: number;
  /** Which addresses may be asked, the first one and each that a redirect names. */
  readonly mayAsk: (url: URL) => boolean;
}

export interface FetchedText {
  readonly status: number;
  readonly content: Uint8Array;
  readonly isHtml: boolean;
}

const mostRedirects = 5;

/**
 * Fetches `url`. Any status but a redirect is an answer. Throws PysyncError `URL_UNREACHABLE`,
 * `URL_TIMED_OUT`, `URL_LEADS_TO_HTTP`, `URL_REDIRECTS` and `SOURCE_TOO_LARGE`.
 */
export async function fetchText(url: URL, options: FetchOptions): Promise<FetchedText> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  try {
    return await follow(url, timeout, options.mayAsk);
  } catch (error) {
    if (error instanceof PysyncError) throw error;
    if (timeout.aborted) {
      const seconds = options.timeoutMs / 1000;
      throw new PysyncError('URL_TIMED_OUT', `${url.host} did not answer within ${seconds} s`);
    }
    throw new PysyncError('URL_UNREACHABLE', `${url.host} can't be reached (${whyNot(error)})`, {
      cause: error,
    });
  }
}

async function follow(
  url: URL,
  signal: AbortSignal,
  mayAsk: (url: URL) => boolean,
): Promise<FetchedText> {
  let next = url;
  for (let hops = 0; hops <= mostRedirects; hops += 1) {
    const headers = { 'user-agent': 'pysync', accept: 'text/plain, */*;q=0.5' };
    const response = await fetch(next, { headers, signal, redirect: 'manual' });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || location === null) {
      const content = await readBody(response, `the answer of ${next.host}`);
      return { status: response.status, content, isHtml: isHtml(response, content) };
    }
    await response.body?.cancel();
    // SECURITY: anybody on the network could answer a plain http request with a key of their own.
    // Held by test/integration/keys/sources/url.test.ts.
    const target = URL.canParse(location, next.href) ? new URL(location, next) : undefined;
    if (target === undefined || !mayAsk(target)) {
      throw new PysyncError(
        'URL_LEADS_TO_HTTP',
        `${url.host} redirects to an address that is not https`,
      );
    }
    next = target;
  }
  throw new PysyncError('URL_REDIRECTS', `${url.host} redirects more than ${mostRedirects} times`);
}

/** The body, counted as it comes in: a server need not tell its length, nor the truth. */
export async function readBody(response: Response, origin: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body === null) return Buffer.alloc(0);
  for await (const chunk of response.body) {
    const bytes: unknown = chunk;
    if (!(bytes instanceof Uint8Array)) continue;
    size += bytes.length;
    if (size > largestSource) throw tooLarge(origin);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function isHtml(response: Response, content: Uint8Array): boolean {
  const start = Buffer.from(content.subarray(0, 200)).toString('latin1').trimStart();
  const type = response.headers.get('content-type') ?? '';
  return /^text\/html|^application\/xhtml/i.test(type) || /^<(!doctype html|html)/i.test(start);
}

/** Why a fetch failed, in short: `ECONNREFUSED`, `CERT_HAS_EXPIRED`, … */
export function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const cause = error.cause;
  return printable(
    errnoOf(cause) ?? errnoOf(error) ?? (cause instanceof Error ? cause : error).message,
  );
}
