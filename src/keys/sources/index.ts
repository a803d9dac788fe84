/** From the word after `-i` to the bytes of a key list. */
import { PysyncError } from '../../errors.js';
import { preference } from '../../system/preferences.js';
import { printable } from '../../system/text.js';
import { file } from './file.js';
import { github } from './github.js';
import { raw } from './raw.js';
import type { KeySource, SourceContext, SourceResult } from './source.js';
import { stdin } from './stdin.js';
import { url } from './url.js';

export type { SourceContext, SourceResult } from './source.js';

/** The first that recognises a source reads it; so a file that exists wins over a GitHub name. */
export const sources: readonly KeySource[] = [stdin, url, file, raw, github];

/** What the owner's environment and preferences say about GitHub. */
export function ownContext(): SourceContext {
  return {
    githubApiUrl: process.env['GITHUB_API_URL'] ?? preference('github-api-url'),
    githubToken: process.env['GITHUB_TOKEN'],
  };
}

/** Why a source that is kept in a policy cannot be asked again; undefined where it can. */
export function whyNotAskable(kept: string): string | undefined {
  const kind = sources.find(({ inPolicy }) => kept.startsWith(inPolicy));
  return kind === undefined ? 'this pysync does not know such sources' : kind.whyNotAskable(kept);
}

/**
 * Reads one source, which is a key, `-`, an `https://` address, a file or a GitHub name. Throws
 * PysyncError where it is none of them or cannot be read.
 */
export async function readSource(
  source: string,
  context: SourceContext = {},
): Promise<SourceResult> {
  for (const { prefix, read } of sources) {
    if (prefix !== undefined && source.startsWith(prefix)) {
      return read(source.slice(prefix.length), context);
    }
  }
  const kind = sources.find((candidate) => candidate.recognises(source));
  if (kind === undefined) throw unrecognised(source);
  const result = await kind.read(source, context);
  if (kind === file && github.recognises(source)) {
    const note = `read as a file; use gh:${source} for the GitHub user of that name`;
    return { ...result, note };
  }
  return result;
}

function unrecognised(source: string): PysyncError {
  const shown = `'${printable(source)}'`;
  const isPath = /[/\\]|^[.~]|\.(pub|keys|txt)$/.test(source);
  if (isPath) return new PysyncError('SOURCE_MISSING', `there is no file ${shown}`);
  return new PysyncError('SOURCE_UNKNOWN', `${shown} is neither a file nor a GitHub user name`, {
    hints: ["a source is a key in quotes, a key file, '-', a GitHub user name or an https:// URL"],
  });
}
