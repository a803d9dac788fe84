/** `pysync refresh`: asks where keys came from again, and follows what has changed there. */
import { homedir } from 'node:os';
import { PysyncError } from '../errors.js';
import type { Header } from '../log/log.js';
import type { OurKey } from '../keys/authorized-keys.js';
import { importedKeys } from '../keys/imported.js';
import { isSameSource } from '../keys/same-source.js';
import { keepRoomToRevoke } from '../keys/install.js';
import { askAgain, sourcesOf, whyNotAskable } from '../keys/refresh.js';
import type { ImportedSource, SourceReport } from '../keys/refresh.js';
import { launcherPath, makeLauncher } from '../launcher/install.js';
import { fitSharePath, makeShare } from '../share/share.js';
import { confirm } from '../system/confirm.js';
import { note, print, printJson } from '../system/output.js';
import { printable } from '../system/text.js';
import { usage } from './words/options.js';
import type { Options } from './words/options.js';
import { printReports, reportsAsJson } from './views/refresh-report.js';
import { notFound } from './revoke.js';
import { describeEnded, endedAsJson, isCalled, takeBack } from './revoke-keys.js';

export async function run(args: readonly string[], options: Options): Promise<void> {
  const { keys } = await importedKeys();
  const asked = await askAgain(whichSources(args, keys), launcherPath());
  const asJson = options['json'] === true;
  for (const { source, failure } of asked) {
    if (failure === undefined) continue;
    note(`pysync: ${printable(`${source} could not be asked: ${failure.message}`)}`);
  }
  const isPending = asked.some(({ added, gone }) => added.length + gone.length > 0);
  const isDry = options['dryRun'] === true;
  const isSaid = options['yes'] === true && !isDry;
  if (!asJson && !isSaid) printReports(asked, false);
  const mayAsk = !asJson && !isDry && !isSaid;
  const isMeant = isPending && (isSaid || (mayAsk && (await confirm('Do this?'))));
  const { reports, ended, trouble } = isMeant
    ? await follow(asked)
    : { reports: asked, ended: [], trouble: undefined };
  if (asJson) {
    const sources = reportsAsJson(reports);
    printJson({ applied: isMeant, sources, endedTransfers: endedAsJson(ended) });
  } else {
    if (isMeant || isSaid) printReports(reports, true);
    for (const line of describeEnded(ended)) print(line);
    if (!isPending && asked.some(({ failure }) => failure === undefined)) {
      print('nothing has changed that refresh can follow');
    }
    if (isPending && !isMeant) {
      print(`nothing was changed; to do this: ${['pysync refresh --yes', ...args].join(' ')}`);
    }
  }
  if (trouble !== undefined) throw trouble;
  requireAnswers(reports);
}

/** Throws where a source could not be asked. */
function requireAnswers(reports: readonly SourceReport[]): void {
  const failures = reports.filter(({ failure }) => failure !== undefined);
  if (failures.length === 0) return;
  const names = failures.map(({ source }) => source).join(', ');
  throw new PysyncError('SOURCE_NOT_ASKED', `the keys from ${names} stay as they are`, {
    hints: [...new Set(failures.flatMap(({ failure }) => failure?.hints ?? []))],
  });
}

/** Those that are meant and can be asked. What cannot is told, or thrown where nothing is left. */
function whichSources(
  names: readonly string[],
  keys: readonly OurKey[],
): readonly ImportedSource[] {
  const all = sourcesOf(keys);
  const meant = names.flatMap((wanted) => {
    if (wanted.startsWith('SHA256:')) {
      throw usage('a key cannot be asked about by itself, only where it came from', 'pysync keys');
    }
    const found = all.filter((each) => isMeant(each, wanted));
    if (found.length === 0) throw notFound(wanted, keys);
    return found;
  });
  const sources = names.length === 0 ? all : all.filter((each) => meant.includes(each));
  const askable = sources.filter(({ source }) => whyNotAskable(source) === undefined);
  for (const { source } of sources) {
    const why = whyNotAskable(source);
    if (why !== undefined) note(`pysync: ${printable(`${source} is not asked again: ${why}`)}`);
  }
  if (askable.length > 0 || (names.length === 0 && all.length > 0)) return askable;
  if (names.length === 0) {
    note('pysync: no keys are imported');
    return [];
  }
  throw new PysyncError('SOURCE_NOT_ASKABLE', 'none of these can be asked again', {
    hints: ['to read a source again, import it again: pysync -i …'],
  });
}

function isMeant({ source, keys }: ImportedSource, wanted: string): boolean {
  return isSameSource(source, `gh:${wanted}`) || keys.some((key) => isCalled(key, wanted));
}

interface Followed {
  readonly reports: readonly SourceReport[];
  readonly ended: readonly Header[];
  /** Why nothing new could be let in. */
  readonly trouble: PysyncError | undefined;
}

/** Makes the keys of each source those that it lists, each source in one edit. */
async function follow(asked: readonly SourceReport[]): Promise<Followed> {
  const trouble = await makeReady(asked.flatMap(({ added }) => added.map((l) => l.policy.share)));
  const reports: SourceReport[] = [];
  const ended: Header[] = [];
  for (const report of asked) {
    const { source, gone } = report;
    const isGone = ({ policy }: OurKey): boolean =>
      isSameSource(policy.source, source) && gone.some((key) => key.policy.key === policy.key);
    // What is gone is revoked also where nothing can be let in.
    const add = trouble === undefined ? report.added : [];
    if (gone.length + add.length === 0) {
      reports.push({ ...report, added: [] });
      continue;
    }
    const done = await takeBack(isGone, { add });
    reports.push({ ...report, gone: done.removed, added: done.added });
    ended.push(...done.ended);
  }
  return { reports, ended, trouble };
}

/** Fail closed, as an import does: no key gets in before there is a place and a sandbox for it. */
async function makeReady(shares: readonly string[]): Promise<PysyncError | undefined> {
  if (shares.length === 0) return undefined;
  try {
    for (const share of new Set(shares)) {
      await fitSharePath(share);
      makeShare(share);
    }
    await makeLauncher();
    await keepRoomToRevoke(homedir());
    return undefined;
  } catch (error) {
    if (error instanceof PysyncError) return error;
    throw error;
  }
}
