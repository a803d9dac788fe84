/**
 * What keeps rsync inside the share. The kernel is the wall; what gate/decide.ts checks is the first
 * layer in front. One file per sandbox; `sandboxes.ts` lists them, choose.ts finds out which holds here.
 */

/** Strongest first; docs/security.md says what each promises. */
export type Level = 'bubblewrap' | 'none';

/** What was found out about the machine, by trying: see choose.ts and rsync-facts.ts. */
export interface SandboxSettings {
  readonly level: Level;
  /** Absolute paths of the programs. */
  readonly rsync: string;
  readonly sh: string;
  readonly bwrap: string;
  /** `stampOf` the rsync that was looked at, so that an upgraded one is noticed. */
  readonly rsyncStamp: string;
  /** Which of the protections that came with rsync 3.5.0 the installed one has. */
  readonly dropsDevices: boolean;
  readonly confinesRoot: boolean;
  /** Whether this rsync knows `--fsync`. */
  readonly syncsFiles: boolean;
  /** Files and folders that rsync and sh need to run. */
  readonly libraries: readonly string[];
  /** Whether this bubblewrap knows `--disable-userns`. */
  readonly disablesUserns: boolean;
  /** A compiled seccomp filter that forbids making devices, fifos and sockets; empty where not needed. */
  readonly seccomp: string;
}

/** What a sandbox is made for. */
export interface SandboxSession {
  /** The share's real path. */
  readonly share: string;
  /** Whether the share is mounted read-only: certain for a peer that may only fetch. */
  readonly readOnly: boolean;
  /** The one folder in a read-only share that can be written, which the launcher has opened. */
  readonly writable?: string;
  /** The one folder of the share that is shown at all, in its place. */
  readonly only?: string;
  /** Folders in the share that are shown empty. */
  readonly hidden?: readonly string[];
  /** The pipe to the connection's log, outside the share. */
  readonly log: string;
}

/** Where a program inside finds what it is for. */
interface View {
  /** The share. */
  readonly root: string;
  /** The one folder that is shown in its place (`only`). */
  readonly only: string;
  readonly log: string;
}

export interface Sandbox {
  /** What a person is told it means. */
  readonly meaning: string;
  /** Whether nothing outside the share exists inside: no link and no wildcard leads out then. */
  readonly hidesOutside: boolean;
  /** Whether it takes a seccomp filter, as file descriptor 9. */
  readonly takesFilter: boolean;
  /** The programs it needs, besides rsync and sh. */
  readonly programs: (settings: SandboxSettings) => readonly string[];
  readonly view: (session: SandboxSession) => View;
  /** The words that run `program` in it, in an environment of `environment` alone. */
  readonly command: (
    settings: SandboxSettings,
    session: SandboxSession,
    program: readonly string[],
  ) => string[];
}

/** What rsync runs with instead of the client's environment (test/attacks/environment.test.ts). */
export const environment = ['PATH=/usr/bin:/bin', 'LC_ALL=C.UTF-8', 'TZ=UTC0'];

/** The launcher has the folder that may be written open as this file descriptor. */
export const placeDescriptor = 5;
