/**
 * A program of its own, started by the launcher when a push has ended and the owner wants to know:
 * runs the program `on-received` and shows a notification. Nobody waits for it, and it runs outside the
 * sandbox with the owner's rights.
 *
 * `NAME.log.new` beside a log means that the owner does not know of that push yet. One of these
 * programs at a time reports one push after the other, so that a peer that makes many connections
 * does not start as many programs of the owner's.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PysyncError } from '../errors.js';
import { pysyncFolders, readSettings } from '../session/settings.js';
import { stateFolder } from '../system/folders.js';
import { withLock } from '../system/locks.js';
import { runHook } from './hook.js';
import { addLine, readTransfer } from './log-files.js';
import type { Logged } from './log-files.js';
import { notifyOf } from './notification.js';

const settings = readSettings(pysyncFolders());
const folder = join(stateFolder(), 'log');

async function main(): Promise<void> {
  // One that came while the lock was being released would be left, so this looks again.
  while (untold().length > 0) {
    try {
      await withLock(join(stateFolder(), 'received.lock'), tellAll, { waitMs: 0 });
    } catch (error) {
      if (error instanceof PysyncError && error.code === 'LOCK_HELD') return;
      throw error;
    }
  }
}

async function tellAll(): Promise<void> {
  for (let [name] = untold(); name !== undefined; [name] = untold()) {
    rmSync(join(folder, name), { force: true });
    const path = join(folder, name.slice(0, -'.new'.length));
    const transfer = readTransfer(path, Infinity);
    if (transfer !== undefined && transfer.fileCount > 0) await tell(transfer, path);
  }
}

async function tell(transfer: Logged, path: string): Promise<void> {
  if (settings?.notifies === true) await notifyOf(transfer);
  const program = settings?.onReceived ?? '';
  if (program === '') return;
  const status = await runHook(program, transfer, path);
  // The log keeps the time of its end, which is that of the transfer.
  addLine(path, `pysync-hook ${status}`, transfer.ended ?? new Date());
}

function untold(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log.new'))
    .sort();
}

void main();
