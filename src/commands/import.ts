/** `pysync -i`: imports peers' keys, so that they can send files and do nothing else. */
import { homedir } from 'node:os';
import { previewKeys } from '../keys/install.js';
import { shareNotices } from '../share/notices.js';
import { note } from '../system/output.js';
import { formatSize } from '../system/sizes.js';
import { printable } from '../system/text.js';
import { collect, installCollected } from './import-keys.js';
import { rootWarning, rulesFrom } from './rules.js';
import { printImport } from './views/import-report.js';
import { text, usage } from './words/options.js';
import type { Options } from './words/options.js';
import { findReach } from './views/reach.js';
import { reportSize } from './views/size-report.js';

export async function run(_args: readonly string[], options: Options): Promise<void> {
  const sources = Array.isArray(options['import']) ? options['import'].map(String) : [];
  for (const sentence of circumstances(sources)) note(`pysync: ${sentence}`);
  const confine = readConfine(options);
  const isGivenUp = sources.length === 0 && options['size'] === 'none';
  const { rules, before, known } = await rulesFrom(options, isGivenUp);
  const isDry = options['dryRun'] === true;
  // Volumes are loaded only where there is one to make.
  const sizing = options['size'] === undefined ? undefined : await import('./size.js');
  const size = sizing?.readSize(options);
  const collected = await collect(sources, rules, before);
  // All that is refused is refused before the first thing is made.
  const preview = await previewKeys(homedir(), collected.lines);
  const notices = sources.length === 0 ? [] : shareNotices(rules.share, known);
  if (isDry && size !== undefined) note(`pysync: ${describeDrySize(rules.share, size)}`);
  // The cap first: no key gets in before it is there.
  const capped =
    isDry || size === undefined ? undefined : await sizing?.setSize(rules.share, size, options);
  for (const sentence of capped?.notes ?? []) note(`pysync: ${printable(sentence)}`);
  if (sources.length === 0) {
    if (capped !== undefined) reportSize(capped, options);
    return;
  }
  const outcomes = isDry ? preview : await installCollected(rules.share, collected, confine);
  printImport({
    keys: collected.lines.map((line, i) => ({
      line,
      outcome: outcomes[i] ?? 'unchanged',
      before: before.find(({ policy }) => policy.key === line.policy.key),
    })),
    notes: [...collected.notes, ...notices],
    rejected: collected.rejected,
    share: rules.share,
    access: rules.access,
    isDry,
    capped,
    asJson: options['json'] === true,
    reach: options['serve'] === true ? undefined : await findReach(),
  });
}

/** What the person at the terminal should know before anything else. */
function circumstances(sources: readonly string[]): string[] {
  return [
    ...rootWarning(),
    ...(sources.includes('-') && process.stdin.isTTY ? ['paste the keys, then press Ctrl-D'] : []),
  ];
}

function describeDrySize(share: string, size: number | 'none'): string {
  const path = printable(share);
  return size === 'none'
    ? `the cap of ${path} would be taken away`
    : `${path} would be capped at ${formatSize(size)}`;
}

function readConfine(options: Options): 'none' | undefined {
  const value = text(options, 'confine');
  if (value === undefined || value === 'none') return value;
  throw usage(
    `--confine ${value} is not known`,
    'the strongest confinement is found by itself; only --confine none has to be said',
  );
}
