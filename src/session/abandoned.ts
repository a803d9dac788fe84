/** Finishes sessions whose launcher was killed, or stopped with the machine. */
import { utimesSync } from 'node:fs';
import { readHeader } from '../log/log.js';
import { abandonedLogs } from '../log/rotation.js';
import { mountAt } from '../ready/mount-table.js';
import { placeFault } from '../ready/place.js';
import { cappedShare } from '../ready/volume.js';
import type { Settings } from './settings.js';

/**
 * Finishes them all, and returns the names of the logs that have to wait: after a reboot a volume is
 * mounted by the first connection that needs it, and what the session has left lies inside.
 */
export async function finishAbandoned(settings: Settings): Promise<ReadonlySet<string>> {
  const waiting = new Set<string>();
  const names = abandonedLogs(settings.state);
  if (names.length === 0) return waiting;
  // Loaded only here: most connections find none.
  const { finish } = await import('../staging/finish.js');
  for (const name of names) {
    const log = `${settings.state}/running/${name}`;
    const header = readHeader(log);
    if (header?.finish === undefined) continue;
    const { share } = header;
    if (cappedShare(settings, share) !== undefined && mountAt(share)?.mountPoint !== share) {
      waiting.add(name);
      continue;
    }
    try {
      finish(settings, header, header.finish, log);
      // As the launcher does at its end, which never came: the time may be the sender's. Whatever has
      // taken the share's place keeps its own (test/attacks/share-replaced.test.ts).
      if (placeFault(share) === undefined) utimesSync(share, new Date(), new Date());
    } catch {
      // Its share cannot be reached now, and its folder stays where it is.
    }
  }
  return waiting;
}
