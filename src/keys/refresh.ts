/**
 * Asking the sources of imported keys again: which of their keys are still listed there, which have
 * gone and which are new. Each is asked, its answer is compared with the keys, and a report comes of
 * it; nothing is written here (commands/refresh.ts does that, once the owner has said yes).
 *
 * Keys are revoked on these reports, and others let in. So only a whole answer of the source itself
 * counts: whatever else happens is a `failure`, from which nothing follows.
 */
import { homedir } from 'node:os';
import { PysyncError } from '../errors.js';
import type { OurKey } from './authorized-keys.js';
import { compare, keysInUse } from './compare.js';
import type { Answer, ImportedSource, SourceReport } from './compare.js';
import { readAuthorizedKeys } from './key-files.js';
import { readKeyText } from './public-key.js';
import { isSameSource } from './same-source.js';
import { ownContext, readSource } from './sources/index.js';
import { nobodyListed } from './sources/source.js';

export type { ImportedSource, SourceReport } from './compare.js';
export { whyNotAskable } from './sources/index.js';

/** The sources of `keys`, in the order of the lines. */
export function sourcesOf(keys: readonly OurKey[]): readonly ImportedSource[] {
  const found: { source: string; keys: OurKey[] }[] = [];
  for (const key of keys) {
    const known = found.find(({ source }) => isSameSource(source, key.policy.source));
    if (known === undefined) found.push({ source: key.policy.source, keys: [key] });
    else known.keys.push(key);
  }
  return found;
}

/**
 * Asks every source of `sources` again, all at once. `launcher` is what new lines start; each
 * answer may take `timeoutMs`, or as long as at an import.
 */
export async function askAgain(
  sources: readonly ImportedSource[],
  launcher: string,
  timeoutMs?: number,
): Promise<readonly SourceReport[]> {
  const inUse = keysInUse(await readAuthorizedKeys(homedir()));
  const answers = await Promise.all(
    sources.map(async (imported) => [imported, await ask(imported.source, timeoutMs)] as const),
  );
  return answers.map(([imported, answer]) => {
    const report = compare(imported, answer, inUse, launcher);
    for (const { blob, policy } of report.added) {
      inUse.push({ blob, why: `it is new in ${policy.source}, too` });
    }
    return report;
  });
}

async function ask(source: string, timeoutMs: number | undefined): Promise<Answer> {
  try {
    const result = await readSource(source, { ...ownContext(), needsAccount: true, timeoutMs });
    const { found, rejected } = await readKeyText(result.content, result);
    // An account whose keys are all too weak for us is still that account's list.
    if (found.length === 0 && result.account === undefined) {
      const reason = rejected[0]?.reason ?? 'it holds no key';
      throw new PysyncError(
        'KEY_REFUSED',
        `${result.origin} is no longer a list of keys: ${reason}`,
      );
    }
    return { kind: 'list', listed: found.map(({ key }) => key), result };
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    return nobodyListed.includes(error.code)
      ? { kind: 'ended', why: error.message }
      : { kind: 'failed', failure: error };
  }
}
