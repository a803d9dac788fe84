/** What `pysync -i` tells: what happened to each key, and what the sender needs to know. */
import { formatKeyLine } from '../../keys/authorized-keys.js';
import type { KeyLine, OurKey, UpsertOutcome } from '../../keys/authorized-keys.js';
import type { RejectedLine } from '../../keys/public-key.js';
import { sandboxes } from '../../sandbox/sandboxes.js';
import { launcherSettings } from '../../launcher/install.js';
import type { Access } from '../../gate/policy.js';
import { columns, note, print, printJson, style } from '../../system/output.js';
import { printable } from '../../system/text.js';
import { describeAccess } from './describe.js';
import { mostRejected } from '../import-keys.js';
import { describeReach, hostKeyLines, reachAsJson } from './reach.js';
import type { Reach } from './reach.js';
import { describeSize } from './size-report.js';
import type { SizeReport } from './size-report.js';

export interface ImportReport {
  readonly keys: readonly {
    readonly line: KeyLine;
    readonly outcome: UpsertOutcome;
    /** The key as it was imported before. */
    readonly before: OurKey | undefined;
  }[];
  readonly notes: readonly string[];
  readonly rejected: readonly (RejectedLine & { readonly origin: string })[];
  readonly share: string;
  readonly access: Access;
  readonly isDry: boolean;
  /** What came of `--size`. */
  readonly capped: SizeReport | undefined;
  readonly asJson: boolean;
  /** Undefined where `pysync serve` comes next, which shows that. */
  readonly reach: Reach | undefined;
}

export function printImport(report: ImportReport): void {
  for (const sentence of report.notes) note(`pysync: ${printable(sentence)}`);
  for (const { origin, line, reason, hints } of report.rejected.slice(0, mostRejected)) {
    note(`pysync: ${printable(origin)}, line ${line} was left out: ${printable(reason)}`);
    for (const hint of hints) note(`  ${printable(hint)}`);
  }
  const more = report.rejected.length - mostRejected;
  if (more > 0) note(`pysync: ${more} more ${more === 1 ? 'line was' : 'lines were'} left out`);
  if (report.asJson) printJson(asJson(report));
  else printText(report);
}

function printText({ keys, share, access, isDry, capped, reach }: ImportReport): void {
  const rows = keys.map(({ line, outcome, before }) => [
    line.policy.peer,
    line.type,
    line.policy.key,
    printable(line.comment),
    isDry ? `would be ${outcome}` : describeOutcome(line, outcome, before),
  ]);
  for (const row of columns(rows)) print(row);
  print();
  if (isDry) {
    print('This would be in ~/.ssh/authorized_keys:');
    for (const { line } of keys) print(formatKeyLine(line));
    return;
  }
  const peers = [...new Set(keys.map(({ line }) => line.policy.peer))].join(', ');
  if (reach !== undefined) {
    print(`${style.bold(peers)} can now use plain rsync:`);
    print();
    for (const line of describeReach(reach, access)) print(line);
    print();
  }
  if (capped !== undefined) {
    for (const line of describeSize(capped)) print(line);
  }
  const where = access === 'read-only' ? 'Files come from' : 'Files land in';
  print(`${where} ${printable(share)}; ${restrictions(keys.map(({ line }) => line))}.`);
  const level = launcherSettings()?.level ?? 'none';
  print(
    level === 'none'
      ? style.bad(sandboxes.none.meaning)
      : `Confinement: ${sandboxes[level].meaning}.`,
  );
  const hostKeys = reach === undefined ? [] : hostKeyLines(reach);
  if (hostKeys.length > 0) print();
  for (const line of hostKeys) print(line);
}

/** All keys of one import may do the same. */
function restrictions([first, ...others]: readonly KeyLine[]): string {
  if (first === undefined) return '';
  const keys = others.length === 0 ? 'this key' : 'these keys';
  return `${keys} may do nothing else (${describeAccess(first)})`;
}

function describeOutcome(
  line: KeyLine,
  outcome: UpsertOutcome,
  before: OurKey | undefined,
): string {
  if (outcome !== 'updated' || before === undefined) return outcome;
  const was = [before.policy.peer, printable(before.policy.share), describeAccess(before)];
  const now = [line.policy.peer, printable(line.policy.share), describeAccess(line)];
  const changed = was.filter((value, i) => value !== now[i]);
  return changed.length === 0 ? outcome : `updated (was: ${changed.join(', ')})`;
}

function asJson({ keys, rejected, share, access, isDry, capped, reach }: ImportReport): object {
  return {
    dryRun: isDry,
    keys: keys.map(({ line, outcome }) => ({
      name: line.policy.peer,
      type: line.type,
      fingerprint: line.policy.key,
      comment: line.comment,
      source: line.policy.source,
      outcome,
      line: formatKeyLine(line),
    })),
    rejected: rejected.map(({ origin, line, reason }) => ({ source: origin, line, reason })),
    share,
    access,
    cap: capped ?? null,
    confinement: launcherSettings()?.level ?? null,
    ...(reach === undefined ? {} : reachAsJson(reach, access)),
  };
}
