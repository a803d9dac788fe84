/** Making sure that nobody is sending while a volume is unmounted. */
import { setTimeout as wait } from 'node:timers/promises';
import { PysyncError } from '../errors.js';
import type { Header } from '../log/log.js';
import { runningSessions } from '../log/log.js';
import { stateFolder } from '../system/folders.js';

/**
 * Returns once no transfer runs in `share`. The caller holds the volume's lock, which keeps new
 * ones out: the gate looks at it after it has noted a connection.
 *
 * Throws PysyncError `SHARE_IN_USE` with who it is, at once or after `waitMs` milliseconds.
 */
export async function waitForTransfers(share: string, waitMs: number): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const running = transfersIn(share);
    if (running.length === 0) return;
    if (Date.now() >= deadline) throw inUse(share, running);
    await wait(200);
  }
}

function transfersIn(share: string): Header[] {
  return runningSessions(stateFolder()).filter((session) => session.share === share);
}

function inUse(share: string, running: readonly Header[]): PysyncError {
  const who = running.map(({ peer, address, direction }) => {
    return `${peer} (${address}) is ${direction === 'push' ? 'sending' : 'fetching'}`;
  });
  return new PysyncError('SHARE_IN_USE', `${share} is in use`, {
    hints: [...new Set(who), 'try again when that has ended, or add --wait'],
  });
}
