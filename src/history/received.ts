/**
 * A program of its own, started by the launcher when a push has ended and the owner wants to know:
 * runs the program `on-received` and shows a notification. Nobody waits for it, and it runs outside the
 * sandbox with the owner's rights.
 *
 * Which pushes it has not told of yet stands beside their logs, as `NAME.log.new`. One at a time is
 * told of, by one of these programs: a peer that makes many connections does not start as many
 * programs of the owner's.
 */
import {
  closeSync,
  constants,
  futimesSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { PysyncError } from '../errors.js';
import { pysyncFolders, readSettings } from '../session/settings.js';
import { stateFolder } from '../system/folders.js';
import { withLock } from '../system/locks.js';
import { runHook } from './hook.js';
import { readTransfer } from './log-files.js';
import type { Logged } from './log-files.js';
import { notifyOf } from './notification.js';

const settings = readSettings(pysyncFolders());
const folder = join(stateFolder(), 'log');

async function main(): Promise<void> {
  // One that came while the lock was being given back would be left: so it is looked again.
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
  noteStatus(path, status, transfer.ended ?? new Date());
}

/** The log keeps the time of its end, which is that of the transfer. */
function noteStatus(path: string, status: number, ended: Date): void {
  try {
    // Not made anew where it has been removed meanwhile.
    const descriptor = openSync(path, constants.O_WRONLY | constants.O_APPEND);
    writeSync(descriptor, `pysync-hook ${status}\n`);
    futimesSync(descriptor, ended, ended);
    closeSync(descriptor);
  } catch {
    // Then nobody asks for it either.
  }
}

function untold(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log.new'))
    .sort();
}

void main();
