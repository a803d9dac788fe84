/** What every check promises. A new one is one file in checks/ and one line in checks/index.ts. */

/**
 * - `ok`: this link of the chain holds;
 * - `warning`: peers can send and are confined as promised, but the owner should know;
 * - `problem`: a peer could not send right now, or is confined less than promised.
 */
export type Verdict = 'ok' | 'warning' | 'problem';

export interface Finding {
  readonly verdict: Verdict;
  /** One line, lower case, no full stop; may hold outside text, which is escaped when printed. */
  readonly text: string;
  /** How to fix it, each a line of its own; a command has a line to itself. */
  readonly hints?: readonly string[];
  /**
   * What `pysync doctor --fix` does: only where it needs no more rights than pysync has, and loses
   * nothing. Returns a line that says what was done.
   */
  readonly fix?: () => Promise<string>;
}

export interface Check {
  /** One or two words in front of each of its lines: `ssh server`. */
  readonly name: string;
  /** Looks, and changes nothing. Does not throw for what it is there to find. */
  readonly run: () => Promise<readonly Finding[]>;
}

/** How a check is called on the command line: `ssh-server`. */
export function wordOf({ name }: Check): string {
  return name.replaceAll(' ', '-');
}
