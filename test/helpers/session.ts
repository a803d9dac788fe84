/** A session of ssh that stays open until the test ends it, to look at the receiver meanwhile. */
import { join } from 'node:path';
import { exec } from './exec.js';
import type { ExecResult } from './exec.js';
import type { Peer } from './peer.js';

export interface OpenSession {
  /** Ends it, and gives what it has written. */
  end(): Promise<ExecResult>;
}

/**
 * Starts `command` over ssh with a standard input that neither ends nor says anything. `options`
 * are ssh's own.
 */
export function openSession(
  peer: Peer,
  command: string,
  options: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): OpenSession {
  const end = new AbortController();
  // Opened for reading and writing, a fifo never ends.
  const script = `mkfifo "$0" && exec 3<>"$0" && exec ${peer.remoteShell} "$@" <&3`;
  const fifo = join(peer.folder, `silence-${process.hrtime.bigint()}`);
  const session = exec(['sh', '-c', script, fifo, ...options, '--', peer.target, command], {
    cwd: peer.folder,
    env: { HOME: peer.folder, ...env },
    signal: end.signal,
  });
  return {
    end: () => {
      end.abort();
      return session;
    },
  };
}
