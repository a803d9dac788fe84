/** What `pysync refresh` says about each source. */
import type { SourceReport } from '../../keys/refresh.js';
import { columns, print, style } from '../../system/output.js';
import { printable } from '../../system/text.js';
import { describeAccess, keyAsJson } from './describe.js';

/** One row for each key; `isDone` says whether it was done, or would be. */
export function printReports(reports: readonly SourceReport[], isDone: boolean): void {
  const would = isDone ? '' : 'would be ';
  const rows = reports.flatMap(({ source, unchanged, gone, added, notTaken, failure }) => {
    const shown = printable(source);
    const state = failure === undefined ? 'unchanged' : 'not known';
    return [
      ...unchanged.map(({ policy }) => [shown, policy.key, policy.peer, state]),
      ...gone.map(({ policy }) => [
        ...[shown, policy.key, policy.peer],
        style.bad(`gone, ${would}revoked`),
      ]),
      ...added.map((line) => {
        const what = `${printable(line.policy.share)}, ${describeAccess(line)}`;
        const { key, peer } = line.policy;
        return [shown, key, peer, `${style.good(`new, ${would}imported`)}: ${what}`];
      }),
      ...notTaken.map(({ key, reason }) => [
        ...[shown, key.fingerprint, '-'],
        `new, not imported: ${printable(reason)}`,
      ]),
    ];
  });
  for (const row of columns(rows)) print(row);
  for (const { notes } of reports) for (const sentence of notes) print(printable(sentence));
}

/** For `--json`. */
export function reportsAsJson(reports: readonly SourceReport[]): object[] {
  return reports.map(({ source, unchanged, gone, added, notTaken, notes, failure }) => ({
    source,
    failure: failure?.message ?? null,
    unchanged: unchanged.map(keyAsJson),
    gone: gone.map(keyAsJson),
    added: added.map(keyAsJson),
    notImported: notTaken.map(({ key, reason }) => ({
      fingerprint: key.fingerprint,
      type: key.type,
      comment: key.comment,
      reason,
    })),
    notes,
  }));
}
