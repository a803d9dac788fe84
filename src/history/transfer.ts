/** One connection, as its log tells it. */
import type { Header } from '../log/log.js';

export interface SentFile {
  /** Its path in the share, one character for each byte, since names need not be UTF-8. */
  readonly raw: string;
  /** Its length, as the sending side gave it. */
  readonly bytes: number;
  /** What went over the connection for it: less for a file that was partly there, or compressed. */
  readonly transferred: number;
}

/** What came of a file that did not come whole. */
export interface LeftPart {
  /** The file's name, without its folder. */
  readonly name: string;
  readonly bytes: number;
}

/**
 * How a connection ended. `lost`: its log has no end, because the machine stopped or the launcher was
 * killed. `gone`: its sender fell silent, and came back with another connection. `status` is rsync's
 * exit status.
 */
export type Ending =
  | { readonly kind: 'running' | 'lost' | 'gone' | 'revoked' | 'done' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'full' | 'interrupted' | 'failed'; readonly status: number };

export interface Transfer {
  /** The unique name of its log. */
  readonly id: string;
  readonly header: Header;
  /** The files that came or went whole, in order, or the first of them. */
  readonly files: readonly SentFile[];
  readonly fileCount: number;
  /** Of a push: parts of files that were left for the next one. */
  readonly parts: readonly LeftPart[];
  /** Sums over all those files. */
  readonly bytes: number;
  readonly transferred: number;
  /** Whether all files are counted: the length of a log is limited. */
  readonly complete: boolean;
  readonly ending: Ending;
  /** The exit status of the owner's program `on-received`, where it was run. */
  readonly hookStatus: number | undefined;
}

/** The file's path in the share. */
export function nameOf(file: Pick<SentFile, 'raw'>): string {
  return Buffer.from(file.raw, 'latin1').toString('utf8');
}

/** What rsync(1) says of its exit statuses, for those a server can end with. */
const meanings: Readonly<Record<number, string>> = {
  1: 'it was not allowed, or wrong usage',
  2: 'the two versions of rsync do not understand each other',
  3: 'a file or folder could not be opened',
  5: 'the protocol could not be started',
  11: 'a file could not be read or written',
  14: 'an error between processes',
  21: 'a process went missing',
  22: 'not enough memory',
  23: 'some files were not transferred',
  24: 'some files vanished during the transfer',
  25: 'it would have deleted too much',
};

/** Statuses of a connection that was cut: the other side has gone, a signal, or a time limit. */
const cut: ReadonlySet<number> = new Set([10, 12, 13, 19, 20, 30, 35]);

/** `sawFull`: rsync has complained that there was no space left. */
export function endingOf(status: number, sawFull: boolean): Ending {
  if (status === 0) return { kind: 'done' };
  if (sawFull) return { kind: 'full', status };
  return { kind: cut.has(status) || status >= 128 ? 'interrupted' : 'failed', status };
}

/** The ending in words; the reason of a refusal may hold outside text. */
export function describeEnding(ending: Ending): string {
  switch (ending.kind) {
    case 'running':
      return 'running';
    case 'done':
      return 'done';
    case 'lost':
      return 'cut off: this machine or the launcher was stopped';
    case 'gone':
      return 'lost: the sender had gone, and came back with another connection';
    case 'revoked':
      return 'ended: the key was revoked';
    case 'refused':
      return `refused: ${ending.reason}`;
    case 'full':
      return 'no space left';
    case 'interrupted':
      return `interrupted (rsync code ${ending.status})`;
    case 'failed':
      return `failed: ${meanings[ending.status] ?? 'an error'} (rsync code ${ending.status})`;
  }
}
