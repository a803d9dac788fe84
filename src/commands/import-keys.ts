/** From sources to the lines that `authorized_keys` gets: read, checked, named, each key once. */
import { homedir } from 'node:os';
import { PysyncError } from '../errors.js';
import { formatKeyLine } from '../keys/authorized-keys.js';
import type { KeyLine, OurKey, UpsertOutcome } from '../keys/authorized-keys.js';
import { installKeys, keepRoomToRevoke } from '../keys/install.js';
import { makeLauncher } from '../launcher/install.js';
import { makeShare } from '../share/share.js';
import { whenInterrupted } from '../system/interrupt.js';
import { accountsBehind } from '../keys/same-source.js';
import { newKeyLine, type Rules } from '../keys/new-line.js';
import { readKeyText } from '../keys/public-key.js';
import type { RejectedLine } from '../keys/public-key.js';
import { ownContext, readSource } from '../keys/sources/index.js';
import type { SourceResult } from '../keys/sources/index.js';

export interface Collected {
  readonly lines: readonly KeyLine[];
  /** Sentences about how the sources were read. */
  readonly notes: readonly string[];
  readonly rejected: readonly (RejectedLine & { readonly origin: string })[];
}

/** How many bad lines are named: a file that is not a key list at all has thousands. */
export const mostRejected = 8;

/**
 * Reads every source; `before` are the keys that are imported already. Throws PysyncError where one
 * of them cannot be read, has no good key or is not whose it was, so that nothing is written then.
 */
export async function collect(
  sources: readonly string[],
  rules: Rules,
  before: readonly OurKey[],
): Promise<Collected> {
  const lines = new Map<string, KeyLine>();
  const notes: string[] = [];
  const rejected: (RejectedLine & { origin: string })[] = [];
  for (const source of sources) {
    const result = await readSource(source, ownContext());
    if (result.reading === 'github') refuseOtherAccount(result, before);
    if (result.note !== undefined) notes.push(`${result.origin}: ${result.note}`);
    const text = await readKeyText(result.content, result);
    if (text.found.length === 0) throw noGoodKey(result, text.rejected);
    rejected.push(...text.rejected.map((line) => ({ ...line, origin: result.origin })));
    for (const { key, line, optionsDropped } of text.found) {
      if (optionsDropped) {
        notes.push(
          `${result.origin}, line ${line}: the options before the key were not taken over`,
        );
      }
      // The first of the same key wins; another source may have it too.
      if (!lines.has(key.blob)) lines.set(key.blob, newKeyLine(key, result, rules));
    }
  }
  return { lines: [...lines.values()], notes, rejected };
}

/**
 * A GitHub name whose keys were imported before has to be the same account as then. Throws
 * PysyncError `GITHUB_OTHER_ACCOUNT`, or `GITHUB_ACCOUNT_UNKNOWN` where GitHub does not tell.
 */
function refuseOtherAccount(
  { origin, source, account }: SourceResult,
  before: readonly OurKey[],
): void {
  const accounts = accountsBehind(source, before);
  if (accounts.size === 0 || (account !== undefined && accounts.has(account.id))) return;
  if (account === undefined) {
    throw new PysyncError(
      'GITHUB_ACCOUNT_UNKNOWN',
      `GitHub's limit is reached, so it cannot be seen whether ${origin} is still the same account`,
      { hints: ['try again later, or set GITHUB_TOKEN for a higher limit'] },
    );
  }
  throw new PysyncError(
    'GITHUB_OTHER_ACCOUNT',
    `${origin} is another account now (${account.id}) than the one whose keys are let in (${[...accounts].join(', ')})`,
    {
      hints: [
        'a name that became free can be registered by anybody: ask the person you know',
        `to revoke the old keys: pysync revoke ${source}`,
        'after that this account can be imported',
      ],
    },
  );
}

function noGoodKey({ origin }: SourceResult, rejected: readonly RejectedLine[]): PysyncError {
  const [first, ...others] = rejected;
  if (first !== undefined && others.length === 0) {
    return new PysyncError('KEY_REFUSED', `${origin}, line ${first.line}: ${first.reason}`, {
      hints: first.hints,
    });
  }
  const shown = rejected.slice(0, mostRejected);
  const more = rejected.length - shown.length;
  return new PysyncError('KEY_REFUSED', `${origin} holds no key that can be imported`, {
    hints: [
      ...shown.map(({ line, reason }) => `line ${line}: ${reason}`),
      ...(more > 0 ? [`and ${more} more`] : []),
      ...new Set(shown.flatMap(({ hints }) => hints)),
    ],
  });
}

/**
 * Installs what was collected, with a share and a launcher for it. Throws PysyncError where one of them
 * cannot be had.
 */
export async function installCollected(
  share: string,
  collected: Collected,
  confine: 'none' | undefined,
): Promise<readonly UpsertOutcome[]> {
  // Fail closed: no key gets in before there is a place and a sandbox for it.
  makeShare(share);
  await makeLauncher(confine);
  // Nor before it can be revoked.
  await keepRoomToRevoke(homedir(), collected.lines.map(formatKeyLine).join('\n').length + 1);
  whenInterrupted('the keys may be imported by now; pysync keys shows them');
  return installKeys(homedir(), collected.lines);
}
