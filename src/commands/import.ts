/** `pysync -i`: imports peers' keys, so that they can send files and do nothing else. */
import { homedir } from 'node:os';
import { formatKeyLine } from '../keys/authorized-keys.js';
import type { UpsertOutcome } from '../keys/authorized-keys.js';
import { importedKeys } from '../keys/imported.js';
import { installKeys, keepRoomToRevoke, previewKeys } from '../keys/install.js';
import { launcherPath, makeLauncher } from '../launcher/install.js';
import { cappedShares } from '../volume/registry.js';
import { shareNotices } from '../share/notices.js';
import { fitSharePath, makeShare, placeOf, refuseReplaced } from '../share/share.js';
import { defaultShare } from '../system/folders.js';
import { whenInterrupted } from '../system/interrupt.js';
import { note } from '../system/output.js';
import { formatSize } from '../system/sizes.js';
import { printable } from '../system/text.js';
import { namedShare } from '../volume/named.js';
import { collect } from './import-keys.js';
import type { Collected } from './import-keys.js';
import { printImport } from './views/import-report.js';
import {
  readAccess,
  readAllowDelete,
  readExpires,
  readFolder,
  readFrom,
  readName,
  text,
  usage,
} from './words/options.js';
import type { Options } from './words/options.js';
import { findReach } from './views/reach.js';
import { reportSize } from './views/size-report.js';

export async function run(_args: readonly string[], options: Options): Promise<void> {
  const sources = Array.isArray(options['import']) ? options['import'].map(String) : [];
  for (const sentence of circumstances(sources)) note(`pysync: ${sentence}`);
  const confine = readConfine(options);
  const folder = readFolder(options) ?? defaultShare();
  const before = (await importedKeys()).keys;
  const known = [
    ...before.map(({ policy }) => policy.share),
    ...(await cappedShares()).map(({ path }) => path),
  ];
  refuseReplaced(folder, known);
  // A cap can also be taken from what would not be taken for a share any more.
  const isGivenUp = sources.length === 0 && options['size'] === 'none';
  const share = await namedShare(folder, isGivenUp ? placeOf : fitSharePath);
  const rules = {
    launcher: launcherPath(),
    share,
    access: readAccess(options),
    allowDelete: readAllowDelete(options),
    from: readFrom(options),
    expires: readExpires(options, new Date()),
    name: readName(options),
  };
  const isDry = options['dryRun'] === true;
  // Volumes are loaded only where there is one to make.
  const sizing = options['size'] === undefined ? undefined : await import('./size.js');
  const size = sizing?.readSize(options);
  const collected = await collect(sources, rules, before);
  // All that is refused is refused before the first thing is made.
  const preview = await previewKeys(homedir(), collected.lines);
  const notices = sources.length === 0 ? [] : shareNotices(share, known);
  if (isDry && size !== undefined) note(`pysync: ${describeDrySize(rules.share, size)}`);
  // The cap first: no key gets in before it is there.
  const capped =
    isDry || size === undefined ? undefined : await sizing?.setSize(rules.share, size, options);
  for (const sentence of capped?.notes ?? []) note(`pysync: ${printable(sentence)}`);
  if (sources.length === 0) {
    if (capped !== undefined) reportSize(capped, options);
    return;
  }
  const outcomes = isDry ? preview : await install(rules.share, collected, confine);
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
    reach: await findReach(),
  });
}

/** What the person at the terminal should know before anything else. */
function circumstances(sources: readonly string[]): string[] {
  return [
    ...(process.geteuid?.() === 0
      ? ['you are root, so peers will log in as root; better run this as the user who receives']
      : []),
    ...(sources.includes('-') && process.stdin.isTTY ? ['paste the keys, then press Ctrl-D'] : []),
  ];
}

function describeDrySize(share: string, size: number | 'none'): string {
  const path = printable(share);
  return size === 'none'
    ? `the cap of ${path} would be taken away`
    : `${path} would be capped at ${formatSize(size)}`;
}

async function install(
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

function readConfine(options: Options): 'none' | undefined {
  const value = text(options, 'confine');
  if (value === undefined || value === 'none') return value;
  throw usage(
    `--confine ${value} is not known`,
    'the strongest confinement is found by itself; only --confine none has to be said',
  );
}
