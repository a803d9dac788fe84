/**
 * Asking the sources of imported keys again: which of their keys are still listed there, which have
 * gone and which are new. Nothing is changed here.
 *
 * Keys are taken back on what comes out of this, and others let in. So only a whole answer of the
 * source itself counts: whatever else happens is a `failure`, from which nothing follows.
 */
import { homedir } from 'node:os';
import { PysyncError } from '../errors.js';
import { quoteAll } from '../gate/quote.js';
import { isSameKey, parseAuthorizedKeys } from './authorized-keys.js';
import type { KeyLine, OurKey } from './authorized-keys.js';
import { isExpired } from './imported.js';
import { accountsBehind, isSameSource } from './same-source.js';
import { readAuthorizedKeys } from './install.js';
import type { AuthorizedKeysFile } from './install.js';
import { peerName } from './peer-name.js';
import { readKeyText } from './public-key.js';
import type { PublicKey } from './public-key.js';
import { ownContext, readSource } from './sources/index.js';
import type { SourceResult } from './sources/index.js';
import { longestInPolicy } from './sources/source.js';

/** A source with the keys that were imported from it. */
export interface ImportedSource {
  /** As it stands in the policy of its keys. */
  readonly source: string;
  readonly keys: readonly OurKey[];
}

/** What asking one source again gave. */
export interface SourceReport extends ImportedSource {
  readonly unchanged: readonly OurKey[];
  readonly gone: readonly OurKey[];
  /** Lines for what is new there, with the policy that the source's other keys have. */
  readonly added: readonly KeyLine[];
  /** What is new there and must not be imported without its owner's word. */
  readonly notTaken: readonly { readonly key: PublicKey; readonly reason: string }[];
  /** Why keys count as gone, where it is not that they were taken off the list. */
  readonly notes: readonly string[];
  /** Why it could not be asked; then nothing is known, and all its keys are `unchanged`. */
  readonly failure: PysyncError | undefined;
}

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

/** Why a source cannot be asked again; undefined where it can. */
export function whyNotAskable(source: string): string | undefined {
  if (source.startsWith('gh:')) return undefined;
  if (source.startsWith('https://')) {
    // The part behind the ? is not kept, and without it another list may stand there.
    const isWhole = !source.includes('?') && Array.from(source).length < longestInPolicy;
    return isWhole ? undefined : 'its address was not kept in full';
  }
  if (source.startsWith('file:')) return 'of a file only its name is kept';
  return 'a key that was typed or piped in has no place where it is listed';
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
  const files = await readAuthorizedKeys(homedir());
  const answers = await Promise.all(sources.map((imported) => ask(imported, timeoutMs)));
  const proposed: KeyLine[] = [];
  return answers.map((answer) => {
    const report = compare(answer, files, proposed, launcher);
    proposed.push(...report.added);
    return report;
  });
}

interface Answer {
  readonly imported: ImportedSource;
  readonly listed: readonly PublicKey[];
  /** The list as it came; empty where there is none any more. */
  readonly text: string;
  readonly result: SourceResult | undefined;
  /** That there is no list any more, as a sentence. */
  readonly ended: string | undefined;
  readonly failure: PysyncError | undefined;
}

/** What a source answers that has no keys (any more), as codes of its errors. */
const endings = ['GITHUB_NO_USER', 'GITHUB_NO_KEYS', 'URL_NOT_FOUND', 'SOURCE_EMPTY'];

async function ask(imported: ImportedSource, timeoutMs: number | undefined): Promise<Answer> {
  const nothing = { imported, listed: [], text: '', result: undefined };
  try {
    const context = { ...ownContext(), needsAccount: true, timeoutMs };
    const result = await readSource(imported.source, context);
    const { found, rejected } = await readKeyText(result.content, result);
    const listed = found.map(({ key }) => key);
    if (listed.length === 0 && result.reading !== 'github') {
      const reason = rejected[0]?.reason ?? 'it holds no key';
      throw new PysyncError('KEY_REFUSED', `${result.origin} is no list of keys now: ${reason}`);
    }
    const text = Buffer.from(result.content).toString('latin1');
    return { imported, listed, text, result, ended: undefined, failure: undefined };
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    const isEnd = endings.includes(error.code);
    return isEnd
      ? { ...nothing, ended: error.message, failure: undefined }
      : { ...nothing, ended: undefined, failure: error };
  }
}

function compare(
  { imported, listed, text, result, ended, failure }: Answer,
  files: readonly AuthorizedKeysFile[],
  proposed: readonly KeyLine[],
  launcher: string,
): SourceReport {
  const { source, keys } = imported;
  const none = { ...imported, added: [], notTaken: [], notes: [], failure };
  if (failure !== undefined) return { ...none, unchanged: keys, gone: [] };
  if (ended !== undefined) return { ...none, unchanged: [], gone: keys, notes: [ended] };
  const account = result?.account?.id;
  const accounts = accountsBehind(source, keys);
  // SECURITY: whoever registers a name that became free gets neither in nor the old keys kept, which
  // anyone can list as theirs: GitHub asks for no proof (test/attacks/registered-again.test.ts).
  if (accounts.size > 0 && (account === undefined || !accounts.has(account))) {
    return { ...none, unchanged: [], gone: keys, notes: [changedHands(source, accounts, account)] };
  }
  // Also a key that this OpenSSH does not take any more is still listed.
  const isListed = (key: OurKey): boolean =>
    (key.policy.account === undefined || key.policy.account === account) &&
    (text.includes(key.blob) || listed.some(({ blob }) => isSameKey(blob, key.blob)));
  const added: KeyLine[] = [];
  const notTaken: { key: PublicKey; reason: string }[] = [];
  for (const key of listed) {
    if ([...keys, ...added].some(({ blob }) => isSameKey(blob, key.blob))) continue;
    const line =
      whyKnown(key, files, proposed) ?? lineFor(key, imported, result, accounts, launcher);
    if (typeof line === 'string') notTaken.push({ key, reason: line });
    else added.push(line);
  }
  const gone = keys.filter((key) => !isListed(key));
  return { ...none, unchanged: keys.filter(isListed), gone, added, notTaken };
}

function changedHands(
  source: string,
  accounts: ReadonlySet<number>,
  account: number | undefined,
): string {
  const was = [...accounts].join(', ');
  return `the name in ${source} belongs to another GitHub account now (${account ?? 'unknown'}; it was ${was}), so nothing is imported from it`;
}

/** Why a listed key must be left as it is: another line has it. */
function whyKnown(
  key: PublicKey,
  files: readonly AuthorizedKeysFile[],
  proposed: readonly KeyLine[],
): string | undefined {
  const same = proposed.find(({ blob }) => isSameKey(blob, key.blob));
  if (same !== undefined) return `it is new in ${same.policy.source}, too`;
  for (const { path, content } of files) {
    const { ours, foreign, broken } = parseAuthorizedKeys(content);
    const ofOurs = ours.find(({ blob }) => isSameKey(blob, key.blob));
    if (ofOurs !== undefined) return `it is imported already, from ${ofOurs.policy.source}`;
    const other = [...foreign, ...broken].find(({ blob }) => isSameKey(blob ?? '', key.blob));
    if (other !== undefined) return `line ${other.lineNumber} of ${path} has it already`;
  }
  return undefined;
}

/** The line for a new key, or why the other keys do not say what it may do. */
function lineFor(
  key: PublicKey,
  { source, keys }: ImportedSource,
  result: SourceResult | undefined,
  accounts: ReadonlySet<number>,
  launcher: string,
): KeyLine | string {
  const valid = keys.filter((each) => !isExpired(each, new Date()));
  const [model] = valid;
  if (model === undefined) return `its other keys have expired; to let it in: pysync -i ${source}`;
  // Whose name it was at the import is not known, and it may have changed hands since.
  if (result?.reading === 'github' && accounts.size === 0) {
    return `the account that its keys came from is not known; if it is still the same: ${importAgain(source, valid)}`;
  }
  const nameAtImport = (comment: string, fingerprint: string): string =>
    peerName(result?.defaultName ?? comment, fingerprint);
  const isNamedByRule = valid.every(
    ({ policy, comment }) => policy.peer === nameAtImport(comment, policy.key),
  );
  const isOneName = valid.every(({ policy }) => policy.peer === model.policy.peer);
  if (!valid.every((each) => rulesOf(each) === rulesOf(model)) || !(isNamedByRule || isOneName)) {
    return `the keys from ${source} may not all do the same; import it by hand: pysync -i ${source}`;
  }
  const { type, blob, comment, fingerprint } = key;
  const account = result?.account?.id;
  const policy = {
    peer: isNamedByRule ? nameAtImport(comment, fingerprint) : model.policy.peer,
    key: fingerprint,
    share: model.policy.share,
    access: model.policy.access,
    allowDelete: model.policy.allowDelete,
    source,
    ...(account === undefined ? {} : { account }),
    imported: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  };
  return { launcher, policy, from: model.from, expires: model.expires, type, blob, comment };
}

/** What a key may do, as a text that is the same for keys that may do the same. */
function rulesOf({ policy, from, expires }: OurKey): string {
  const { share, access, allowDelete } = policy;
  return JSON.stringify([share, access, allowDelete, from, expires ?? null]);
}

/** The command that imports a source anew, with the rules its keys have where they are the same. */
function importAgain(source: string, keys: readonly OurKey[]): string {
  const [first] = keys;
  const isSame = keys.every((key) => first !== undefined && rulesOf(key) === rulesOf(first));
  if (first === undefined || !isSame) return quoteAll(['pysync', '-i', source]);
  const { share, access, allowDelete } = first.policy;
  const { expires } = first;
  return quoteAll([
    ...['pysync', '-i', source, '--dir', share, '--access', access],
    ...(allowDelete ? ['--allow-delete'] : []),
    ...(first.from.length === 0 ? [] : ['--from', first.from.join()]),
    ...(expires === undefined ? [] : ['--expires', localDate(expires)]),
  ]);
}

function localDate(date: Date): string {
  const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return parts.map((part) => String(part).padStart(2, '0')).join('-');
}
