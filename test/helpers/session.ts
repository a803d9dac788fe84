/** Sessions that wait for the test, to look at the receiver meanwhile. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exec } from './exec.js';
import type { ExecResult } from './exec.js';
import type { Peer } from './peer.js';

export interface OpenSession {
  /** What it has written, when it has ended by itself or otherwise. */
  readonly ended: Promise<ExecResult>;
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
    ended: session,
    end: () => {
      end.abort();
      return session;
    },
  };
}

/** rsync with a sender that waits before its first byte, and what makes it go on. */
export function heldBack(
  peer: Peer,
  words: readonly string[],
): { end: Promise<ExecResult>; go: () => void } {
  const go = join(peer.folder, `go-${process.hrtime.bigint()}`);
  const wait = join(peer.folder, 'hold-back.sh');
  const script = `#!/bin/sh
exec 3<&0
mkfifo ${go}.fifo
{ head -c 4; while [ ! -e ${go} ]; do sleep 0.05; done; cat; } <&3 >${go}.fifo &
${peer.remoteShell} "$@" <${go}.fifo
status=$?
kill $!
exit $status
`;
  writeFileSync(wait, script, { mode: 0o755 });
  const end = exec(['rsync', '-e', wait, ...words], {
    cwd: peer.folder,
    env: { HOME: peer.folder },
  });
  return {
    end,
    go: () => {
      writeFileSync(go, '');
    },
  };
}
