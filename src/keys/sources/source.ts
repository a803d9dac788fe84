/** What every kind of key source promises. A new kind is one file and one line in index.ts. */
import { PysyncError } from '../../errors.js';

type Reading = 'argument' | 'file' | 'stdin' | 'github' | 'url';

export interface SourceContext {
  /** Base of GitHub's REST API; default `https://api.github.com`. */
  readonly githubApiUrl?: string | undefined;
  readonly githubToken?: string | undefined;
  /** Default `process.stdin`. */
  readonly stdin?: NodeJS.ReadableStream | undefined;
  /** Milliseconds a server may take; default 20 s for a URL, 15 s for GitHub. */
  readonly timeoutMs?: number | undefined;
  /** Whether an answer is of no use that does not tell the account behind a GitHub name. */
  readonly needsAccount?: boolean | undefined;
  /** Ends the reading; its reason is what is thrown then. */
  readonly signal?: AbortSignal | undefined;
}

export interface SourceResult {
  readonly reading: Reading;
  /**
   * Goes into the key's policy: `gh:octocat`, `file:bob.pub`, `https://…`, `argument`, `stdin`.
   * One line without quotes, backslashes and invisible characters.
   */
  readonly source: string;
  /** How the peer could be called. Outside text: the caller makes a peer name of it. */
  readonly defaultName: string | undefined;
  /** A sentence about how the source was read, for where another reading was possible. */
  readonly note?: string;
  readonly content: Uint8Array;
  /** What messages call the source. */
  readonly origin: string;
  /** The path of a public key that lies beside the file that was read. */
  readonly publicKeyBeside?: string;
  /** Only from GitHub's API: the account behind the name, which may change hands. */
  readonly account?: { readonly login: string; readonly id: number };
}

export interface KeySource {
  readonly reading: Reading;
  /** Standing before a source, it forces this reading. */
  readonly prefix?: string;
  /** Whether `source`, given without prefix, can be read this way. Looks at no network. */
  readonly recognises: (source: string) => boolean;
  /** Reads it; throws PysyncError with a sentence for every way in which that can fail. */
  readonly read: (source: string, context: SourceContext) => Promise<SourceResult>;
}

/** Bytes; a list of ten thousand keys is shorter. */
export const largestSource = 1024 * 1024;

/** Characters of a source that go into the policy. */
export const longestInPolicy = 200;

export function tooLarge(origin: string): PysyncError {
  return new PysyncError('SOURCE_TOO_LARGE', `${origin} is over 1 MiB, too large for a key list`);
}

/**
 * Whether a list is there and has no key in it: it is empty, or holds blank lines and comments. Then
 * nobody is listed; any other text without a key is no list.
 */
export function listsNothing(content: Uint8Array): boolean {
  const lines = new TextDecoder('utf-8').decode(content).split(/[\r\n]/);
  return lines.every((line) => /^\s*(#|$)/.test(line));
}

/** Outside text made fit for the policy in `authorized_keys`, whichever shell will read it. */
export function forPolicy(text: string): string {
  const unfit = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\\"'\ufffd]/gu;
  return Array.from(text.replace(unfit, '?')).slice(0, longestInPolicy).join('');
}

/** `bob` for `bob.pub`; undefined for names such as `id_ed25519` that say nothing about a peer. */
export function nameFromFile(fileName: string): string | undefined {
  const name = fileName.replace(/\.(pub|keys|txt)$/i, '');
  const generic = /^(id_.*|identity|authorized_keys\d?|(ssh|public)?[-_]?keys?|pubkeys?)$/i;
  return name === '' || name.startsWith('.') || generic.test(name) ? undefined : name;
}
