/**
 * What every kind of key source promises. A new kind is one file, one line in index.ts, and a fixture
 * in test/integration/keys/source-fixtures.ts, with which the contract suite tests it.
 */
import { PysyncError } from '../../errors.js';

export interface SourceContext {
  /** Base of GitHub's REST API; default `https://api.github.com`. */
  readonly githubApiUrl?: string | undefined;
  readonly githubToken?: string | undefined;
  /** Default `process.stdin`. */
  readonly stdin?: NodeJS.ReadableStream | undefined;
  /** Milliseconds a server may take; default 20 s for a URL, 15 s for GitHub. */
  readonly timeoutMs?: number | undefined;
  /** Whether an answer is useless that does not tell the account behind a GitHub name. */
  readonly needsAccount?: boolean | undefined;
}

export interface SourceResult {
  /** The `reading` of its kind. */
  readonly reading: string;
  /**
   * Goes into the key's policy: `gh:octocat`, `file:bob.pub`, `https://…`, `argument`, `stdin`.
   * One line without quotes, backslashes and invisible characters, and the same for the same remote
   * list, however that was spelled. It begins with the kind's `inPolicy`.
   */
  readonly source: string;
  /** What the peer could be called. Outside text: the caller turns it into a peer name. */
  readonly defaultName: string | undefined;
  /** A sentence about how the source was read, where another reading was possible. */
  readonly note?: string;
  /** At most 1 MiB, and never part of a list. */
  readonly content: Uint8Array;
  /** What messages call the source; printable, as all text here but `defaultName` is. */
  readonly origin: string;
  /** The path of a public key beside the file that was read. */
  readonly publicKeyBeside?: string;
  /** Only from GitHub's API: the account behind the name, which may change hands. */
  readonly account?: { readonly login: string; readonly id: number };
}

export interface KeySource {
  /** The kind, in a word that no other kind has. */
  readonly reading: string;
  /** In front of a source, it forces this reading. */
  readonly prefix?: string;
  /** How its sources begin in the policy of a key, and those of no other kind do. */
  readonly inPolicy: string;
  /** Whether `source`, given without prefix, can be read this way. Looks at no network. */
  readonly recognises: (source: string) => boolean;
  /** Why a source that is kept in a policy cannot be asked again; undefined where it can. */
  readonly whyNotAskable: (kept: string) => string | undefined;
  /**
   * Reads it; throws PysyncError with a sentence for every way in which that can fail. A remote list
   * without a key fails with one of `nobodyListed`, and one that takes too long fails as well.
   */
  readonly read: (source: string, context: SourceContext) => Promise<SourceResult>;
}

/**
 * The codes of errors that say for certain that a source lists nobody (any more). Keys are revoked on
 * them: any other failure may pass.
 */
export const nobodyListed: readonly string[] = [
  ...['GITHUB_NO_USER', 'GITHUB_NO_KEYS', 'URL_NOT_FOUND', 'SOURCE_EMPTY'],
];

/** Bytes; a list of ten thousand keys is shorter. */
export const largestSource = 1024 * 1024;

/** Characters of a source that go into the policy. */
export const longestInPolicy = 200;

export function tooLarge(origin: string): PysyncError {
  return new PysyncError('SOURCE_TOO_LARGE', `${origin} is over 1 MiB, too large for a key list`);
}

/** Whether a list holds nothing but blank lines and comments; other text without a key is not a list. */
export function listsNothing(content: Uint8Array): boolean {
  const lines = new TextDecoder('utf-8').decode(content).split(/[\r\n]/);
  return lines.every((line) => /^\s*(#|$)/.test(line));
}

/** Makes outside text fit for the policy in `authorized_keys`, whichever shell will read it. */
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
