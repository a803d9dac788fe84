/** What a listener needs to run a transfer: data, and the words that the launcher takes it as. */
import { quoteAll } from '../gate/quote.js';
import type { Writable } from '../staging/places.js';
import type { Log } from '../log/log.js';

export interface Plan {
  readonly log: Log;
  readonly share: string;
  readonly direction: 'push' | 'pull';
  /** The session's own folder, a path in the share; empty where it has none. */
  readonly folder: string;
  /** Whether after.ts always has something to do. */
  readonly finishes: boolean;
  /** The one folder that may be written where something is deleted, to be open as descriptor 5. */
  readonly writable?: Writable;
  /** A seccomp filter to be open as descriptor 9; empty for none. */
  readonly filter: string;
  /** Bytes, where the share has a cap. */
  readonly cap?: number;
  /** How many pieces of the log are kept (rotation.ts). */
  readonly pieces: number;
  /** Whether the owner wants to know what has come. */
  readonly tells: boolean;
  /** The command, its program first. */
  readonly command: readonly string[];
}

/** For `eval "set -- …"` in launcher.sh, which takes them in this order. */
export function planWords(plan: Plan): string {
  const { log, share, direction, folder, finishes, writable, filter, cap, pieces, tells } = plan;
  return quoteAll([
    ...[log.running, log.ended, share, direction, folder, finishes ? 'finish' : ''],
    ...[writable?.path ?? '', writable?.identity ?? '', filter],
    ...[cap === undefined ? '' : String(cap), String(pieces), tells ? 'tell' : ''],
    ...plan.command,
  ]);
}
