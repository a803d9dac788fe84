/** What `pysync status` shows: who may send, where it lands, what happens, and how a peer gets here. */
import { homedir } from 'node:os';
import { PysyncError } from '../errors.js';
import { lastTransfers, runningTransfers } from '../history/log-files.js';
import type { Logged } from '../history/log-files.js';
import type { Progress } from '../history/rate.js';
import type { OurKey } from '../keys/authorized-keys.js';
import { importedKeys, isExpired } from '../keys/imported.js';
import { cappedShares } from '../volume/registry.js';
import { isLauncherCurrent, launcherSettings, makeLauncher } from '../launcher/install.js';
import { sandboxes } from '../sandbox/sandboxes.js';
import { defaultShare } from '../system/folders.js';
import { imagesWithoutShare } from '../volume/kept.js';
import type { KeptImage } from '../volume/kept.js';
import { columns, note, print, printJson, style } from '../system/output.js';
import { sweepTemporaryFolders } from '../system/temporary.js';
import { printable } from '../system/text.js';
import { describeAccess, keyAsJson } from './views/describe.js';
import type { Options } from './words/options.js';
import { describeReach, hostKeyLines, reachAsJson } from './views/reach.js';
import type { Reach } from './views/reach.js';
import {
  describeKept,
  describeShare,
  shareAsJson,
  shareNotes,
  viewShare,
} from './views/share-view.js';
import type { ShareView } from './views/share-view.js';
import {
  describeProgress,
  progressAsJson,
  transferAsJson,
  transferCells,
} from './views/transfer-view.js';

export interface Status {
  readonly shares: readonly ShareView[];
  readonly kept: readonly KeptImage[];
  readonly broken: readonly string[];
  readonly running: readonly (readonly [Logged, Progress])[];
  /** The last ones that have ended, the oldest first. */
  readonly last: readonly Logged[];
  readonly level: keyof typeof sandboxes | undefined;
  readonly reach: Reach;
}

/** All but how a peer gets here. */
export async function lookAround(): Promise<Omit<Status, 'reach'>> {
  const [{ keys, broken }, records] = await Promise.all([importedKeys(), cappedShares()]);
  sweepTemporaryFolders();
  const paths = new Set([
    ...keys.map(({ policy }) => policy.share),
    ...records.map(({ path }) => path),
  ]);
  if (paths.size === 0) paths.add(defaultShare());
  const views = [...paths].map((path) => {
    const theirs = keys.filter(({ policy }) => policy.share === path);
    const record = records.find((each) => each.path === path);
    return viewShare(path, theirs, record);
  });
  const shares = await Promise.all(views);
  const { level, problems } = await currentLauncher(keys);
  for (const line of problems) note(printable(line));
  const kept = await imagesWithoutShare();
  return { shares, kept, broken, ...(await recent()), level };
}

export function report(status: Status, { json }: Options): void {
  if (json === true) printJson(asJson(status));
  else printText(status);
}

/** Finished transfers that status shows. */
const shownTransfers = 3;

async function recent(): Promise<Pick<Status, 'running' | 'last'>> {
  const isRunning = ({ ending }: Logged): boolean => ending.kind === 'running';
  const running = runningTransfers();
  // Some of the newest may be running ones, and are not among the last that have ended.
  const newest = lastTransfers({ count: shownTransfers + running.length, keep: 0 });
  const last = newest.filter((transfer) => !isRunning(transfer)).slice(-shownTransfers);
  return { running: await progressOf(running), last };
}

async function progressOf(running: readonly Logged[]): Promise<Status['running']> {
  if (running.length === 0) return [];
  // Loaded only here: most of the time nothing runs.
  const { lookTwice } = await import('../history/rate.js');
  return lookTwice(running);
}

/**
 * After an upgrade of pysync, Node or rsync the launcher is of yesterday, and peers may not get in:
 * it is written again here.
 */
async function currentLauncher(
  keys: readonly OurKey[],
): Promise<{ level: Status['level']; problems: readonly string[] }> {
  if (keys.length === 0 || isLauncherCurrent()) {
    return { level: launcherSettings()?.level, problems: [] };
  }
  try {
    const { level } = await makeLauncher();
    const { keepRoomToRevoke } = await import('../keys/install.js');
    await keepRoomToRevoke(homedir());
    return { level, problems: ['pysync: the launcher was out of date and was written again'] };
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    const hints = error.hints.map((hint) => `  ${hint}`);
    return { level: undefined, problems: [`pysync: no peer gets in: ${error.message}`, ...hints] };
  }
}

function printText({ shares, kept, broken, running, last, level, reach }: Status): void {
  for (const sentence of broken) note(`pysync: ${printable(sentence)}`);
  const keys = shares.flatMap((share) => share.keys);
  for (const share of shares) {
    print(`${style.bold(printable(share.path))}  ${describeShare(share)}`);
    for (const line of shareNotes(share)) print(`    ${line}`);
    for (const line of columns(share.keys.map(describeKey))) print(`    ${line}`);
  }
  for (const line of describeKept(kept)) print(line);
  if (keys.length === 0) {
    print();
    print('Nobody may send yet. To let somebody in: pysync -i <key | file | github-user>');
    return;
  }
  for (const [transfer, progress] of running) print(`now: ${describeProgress(transfer, progress)}`);
  if (last.length > 0) {
    print();
    print('Last transfers (pysync log shows more):');
    for (const line of columns(last.map(transferCells))) print(`    ${line}`);
  }
  print();
  print('Peers on this network use plain rsync:');
  print();
  const access = keys.every(({ policy }) => policy.access === 'read-only')
    ? 'read-only'
    : 'read-write';
  for (const line of describeReach(reach, access)) print(line);
  print();
  print(describeLevel(level));
  for (const line of hostKeyLines(reach)) print(line);
}

function describeLevel(level: Status['level']): string {
  if (level === undefined) {
    return style.bad('Confinement: none could be set up, so no peer gets in (see above).');
  }
  const text = `Confinement: ${sandboxes[level].meaning}.`;
  return level === 'none' ? style.bad(text) : text;
}

function describeKey(key: OurKey): string[] {
  const expired = isExpired(key, new Date()) ? style.bad(' (expired)') : '';
  return [key.policy.peer, key.policy.key, describeAccess(key) + expired];
}

function asJson({ shares, kept, broken, running, last, level, reach }: Status): object {
  return {
    shares: shares.map((share) => ({ ...shareAsJson(share), keys: share.keys.map(keyAsJson) })),
    keptImages: kept,
    broken,
    running: running.map(([{ header, bytes }, progress]) => {
      const { peer, key, address, direction, share, time } = header;
      return { peer, key, address, direction, share, time, bytes, ...progressAsJson(progress) };
    }),
    last: last.map((transfer) => transferAsJson(transfer, transfer.ended)),
    confinement: level ?? null,
    ...reachAsJson(reach, 'read-write'),
  };
}
