/** Finishes sessions whose launcher was killed, or stopped with the machine. */
import { finish } from './finish.js';
import { mountAt } from './mount-table.js';
import { abandonedLogs } from './rotation.js';
import { readHeader } from './session.js';
import type { Settings } from './settings.js';
import { cappedShare } from './volume.js';

/**
 * Finishes them all, and returns the names of the logs that have to wait: after a reboot a volume is
 * mounted by the first connection that needs it, and what the session has left lies inside.
 */
export function finishAbandoned(settings: Settings): ReadonlySet<string> {
  const waiting = new Set<string>();
  for (const name of abandonedLogs(settings.state)) {
    const log = `${settings.state}/running/${name}`;
    const share = readHeader(log)?.share ?? '';
    if (cappedShare(settings, share) !== undefined && mountAt(share)?.mountPoint !== share) {
      waiting.add(name);
      continue;
    }
    try {
      finish(settings, log);
    } catch {
      // Its share cannot be reached now, and its folder stays where it is.
    }
  }
  return waiting;
}
