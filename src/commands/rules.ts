/** What new keys may do, as the command line says it, checked against what is there. */
import type { OurKey } from '../keys/authorized-keys.js';
import { importedKeys } from '../keys/imported.js';
import type { Rules } from '../keys/new-line.js';
import { launcherPath } from '../launcher/install.js';
import { fitSharePath, placeOf, refuseReplaced } from '../share/share.js';
import { defaultShare } from '../system/folders.js';
import { namedShare } from '../volume/named.js';
import { cappedShares } from '../volume/registry.js';
import {
  readAccess,
  readAllowDelete,
  readExpires,
  readFolder,
  readFrom,
  readName,
} from './words/options.js';
import type { Options } from './words/options.js';

export interface RulesHere {
  readonly rules: Rules;
  /** The keys that are imported. */
  readonly before: readonly OurKey[];
  /** Every share that is there. */
  readonly known: readonly string[];
}

/** What root should know before letting anybody in. */
export function rootWarning(): string[] {
  if (process.geteuid?.() !== 0) return [];
  return ['you are root, so peers will log in as root; better run this as the user who receives'];
}

/**
 * `isGivenUp`: a cap is taken away, which can also be done to what would not be taken for a share any
 * more. Throws PysyncError where an option or the share is refused.
 */
export async function rulesFrom(options: Options, isGivenUp = false): Promise<RulesHere> {
  const folder = readFolder(options) ?? defaultShare();
  const before = (await importedKeys()).keys;
  const known = [
    ...before.map(({ policy }) => policy.share),
    ...(await cappedShares()).map(({ path }) => path),
  ];
  refuseReplaced(folder, known);
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
  return { rules, before, known };
}
