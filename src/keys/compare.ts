/** The answer of a source, compared with the keys that were imported from it. Pure. */
import type { PysyncError } from '../errors.js';
import { quoteAll } from '../gate/quote.js';
import { isSameKey, parseAuthorizedKeys, type KeyLine, type OurKey } from './authorized-keys.js';
import { isExpired } from './imported.js';
import type { AuthorizedKeysFile } from './key-files.js';
import { newKeyLine, peerName, type Rules } from './new-line.js';
import type { PublicKey } from './public-key.js';
import { accountsBehind } from './same-source.js';
import type { SourceResult } from './sources/index.js';

/** A source with the keys that were imported from it. */
export interface ImportedSource {
  /** As the policy of its keys has it. */
  readonly source: string;
  readonly keys: readonly OurKey[];
}

/** What a source answered when it was asked again. */
export type Answer =
  | { readonly kind: 'list'; readonly listed: readonly PublicKey[]; readonly result: SourceResult }
  /** There is no list any more, and `why`. */
  | { readonly kind: 'ended'; readonly why: string }
  | { readonly kind: 'failed'; readonly failure: PysyncError };

/** What asking one source again gave. */
export interface SourceReport extends ImportedSource {
  readonly unchanged: readonly OurKey[];
  readonly gone: readonly OurKey[];
  /** Lines for what is new there, with the policy that the source's other keys have. */
  readonly added: readonly KeyLine[];
  /** What is new there and must not be imported unless its owner says so. */
  readonly notTaken: readonly { readonly key: PublicKey; readonly reason: string }[];
  /** Why keys count as gone, where they were not simply taken off the list. */
  readonly notes: readonly string[];
  /** Why it could not be asked; then nothing is known, and all its keys are `unchanged`. */
  readonly failure: PysyncError | undefined;
}

/** A key that a line has already, and why it is left as it is. */
export interface KeyInUse {
  readonly blob: string;
  readonly why: string;
}

/** The keys of all lines, whoever wrote them. */
export function keysInUse(files: readonly AuthorizedKeysFile[]): KeyInUse[] {
  return files.flatMap(({ path, content }) => {
    const { ours, foreign, broken } = parseAuthorizedKeys(content);
    return [
      ...ours.map(({ blob, policy }) => ({
        blob,
        why: `it is imported already, from ${policy.source}`,
      })),
      ...[...foreign, ...broken].map(({ blob = '', lineNumber }) => ({
        blob,
        why: `line ${lineNumber} of ${path} has it already`,
      })),
    ];
  });
}

export function compare(
  imported: ImportedSource,
  answer: Answer,
  inUse: readonly KeyInUse[],
  launcher: string,
): SourceReport {
  const { source, keys } = imported;
  const nothing = { ...imported, added: [], notTaken: [], notes: [], failure: undefined };
  const allGone = (why: string): SourceReport => ({
    ...nothing,
    unchanged: [],
    gone: keys,
    notes: [why],
  });
  if (answer.kind === 'failed') {
    return { ...nothing, unchanged: keys, gone: [], failure: answer.failure };
  }
  if (answer.kind === 'ended') return allGone(answer.why);
  const { listed, result } = answer;
  const account = result.account?.id;
  const accounts = accountsBehind(source, keys);
  // SECURITY: whoever registers a name that became free gets neither in nor the old keys kept, which
  // anyone can list as theirs: GitHub asks for no proof (test/attacks/registered-again.test.ts).
  if (accounts.size > 0 && (account === undefined || !accounts.has(account))) {
    const was = [...accounts].join(', ');
    return allGone(
      `the name in ${source} belongs to another GitHub account now (${account ?? 'unknown'}; it was ${was}), so nothing is imported from it`,
    );
  }
  // A key that this OpenSSH no longer accepts is still listed.
  const text = Buffer.from(result.content).toString('latin1');
  const isListed = (key: OurKey): boolean =>
    (key.policy.account === undefined || key.policy.account === account) &&
    (text.includes(key.blob) || listed.some(({ blob }) => isSameKey(blob, key.blob)));
  const rules = rulesForNew(imported, result, accounts, launcher);
  const added = [];
  const notTaken = [];
  for (const key of withoutRepeats(listed)) {
    if (keys.some(({ blob }) => isSameKey(blob, key.blob))) continue;
    const known = inUse.find(({ blob }) => isSameKey(blob, key.blob));
    if (known !== undefined) notTaken.push({ key, reason: known.why });
    else if (typeof rules === 'string') notTaken.push({ key, reason: rules });
    else added.push(newKeyLine(key, { ...result, source }, rules));
  }
  const gone = keys.filter((key) => !isListed(key));
  return { ...nothing, unchanged: keys.filter(isListed), gone, added, notTaken };
}

function withoutRepeats(keys: readonly PublicKey[]): PublicKey[] {
  return [...new Map(keys.map((key) => [key.fingerprint, key])).values()];
}

/** What new keys of a source may do, or why its other keys do not tell. */
function rulesForNew(
  { source, keys }: ImportedSource,
  { defaultName, account }: SourceResult,
  accounts: ReadonlySet<number>,
  launcher: string,
): Rules | string {
  const valid = keys.filter((key) => !isExpired(key, new Date()));
  const [model] = valid;
  if (model === undefined) return `its other keys have expired; to let it in: pysync -i ${source}`;
  // Whose name it was at the import is not known, and it may have changed hands since.
  if (account !== undefined && accounts.size === 0) {
    return `the account that its keys came from is not known; if it is still the same: ${importAgain(source, valid)}`;
  }
  const isNamedByRule = valid.every(
    ({ policy, comment }) => policy.peer === peerName(defaultName ?? comment, policy.key),
  );
  const isOneName = valid.every(({ policy }) => policy.peer === model.policy.peer);
  if (!haveSameRules(valid) || !(isNamedByRule || isOneName)) {
    return `the keys from ${source} may not all do the same; import it by hand: pysync -i ${source}`;
  }
  const { share, access, allowDelete, peer } = model.policy;
  const { from, expires } = model;
  const name = isNamedByRule ? undefined : peer;
  return { launcher, share, access, allowDelete, from, expires, name };
}

function haveSameRules(keys: readonly OurKey[]): boolean {
  const rules = keys.map(({ policy: { share, access, allowDelete }, from, expires }) =>
    JSON.stringify([share, access, allowDelete, from, expires ?? null]),
  );
  return new Set(rules).size === 1;
}

/** The command that imports a source again, with the rules of its keys where they are the same. */
function importAgain(source: string, keys: readonly OurKey[]): string {
  const [first] = keys;
  if (first === undefined || !haveSameRules(keys)) return quoteAll(['pysync', '-i', source]);
  const { share, access, allowDelete } = first.policy;
  const { from, expires } = first;
  return quoteAll([
    ...['pysync', '-i', source, '--dir', share, '--access', access],
    ...(allowDelete ? ['--allow-delete'] : []),
    ...(from.length === 0 ? [] : ['--from', from.join()]),
    ...(expires === undefined ? [] : ['--expires', localDate(expires)]),
  ]);
}

function localDate(date: Date): string {
  const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return parts.map((part) => String(part).padStart(2, '0')).join('-');
}
