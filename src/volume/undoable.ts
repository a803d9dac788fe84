/** Operations on a volume that Ctrl-C may end at any step. */
import { PysyncError } from '../errors.js';
import { shareRecord } from './registry.js';
import { undoable, wasInterrupted } from '../system/interrupt.js';
import { formatSize } from '../system/sizes.js';
import { printable } from '../system/text.js';

/**
 * Runs an operation on the volume of `share`, which undoes its work when a step of it fails. Throws
 * PysyncError `INTERRUPTED` after Ctrl-C, with what the share is now: read back, and not assumed.
 */
export async function undoableOn<T>(share: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await undoable(operation);
  } catch (error) {
    if (!wasInterrupted()) throw error;
    throw new PysyncError('INTERRUPTED', `interrupted: ${await stateAfter(share)}`, {
      cause: error,
    });
  }
}

async function stateAfter(share: string): Promise<string> {
  const name = printable(share);
  const record = await shareRecord(share).catch(() => undefined);
  if (record === undefined) return `${name} is as it was, and has no size cap`;
  if (record.pending !== undefined) {
    return `what was begun on ${name} is not undone yet; the next pysync or transfer does that`;
  }
  return `${name} keeps its cap of ${formatSize(record.volume.size)}, and all that is in it`;
}
