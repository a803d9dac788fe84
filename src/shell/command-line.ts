/**
 * The command line as plain data, from which the man page and the shells' completions are made. It
 * is read off the program that `--help` is printed from (commands/usage.ts), so that all say the same.
 */

/**
 * What may stand for a value:
 * - `free`: anything, so nothing is offered;
 * - `file`, `folder`: a path; a folder may also be a share;
 * - `peer`, `volume`: what pysync itself knows: peers of imported keys, capped shares;
 * - `command`: a command of pysync;
 * - a list: one of these words.
 */
export type ValueKind =
  'free' | 'file' | 'folder' | 'peer' | 'volume' | 'command' | readonly string[];

export interface Value {
  /** As usage lines name it: `dir` in `--dir <dir>`. */
  readonly name: string;
  readonly kind: ValueKind;
}

export interface OptionUsage {
  /** `-i`. */
  readonly short?: string;
  /** `--import`. */
  readonly long: string;
  readonly value?: Value;
  readonly summary: string;
  readonly isRepeatable: boolean;
  /** The heading it stands under in the help, such as `Options:`. */
  readonly group: string;
}

export interface ArgumentUsage extends Value {
  readonly isRequired: boolean;
  readonly isRepeatable: boolean;
}

interface CommandUsage {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly ArgumentUsage[];
  readonly options: readonly OptionUsage[];
}

export interface CommandLine {
  readonly version: string;
  readonly description: string;
  /** Of pysync without a command. */
  readonly options: readonly OptionUsage[];
  readonly commands: readonly CommandUsage[];
  /** Calls that show what it is for, each with what it does. */
  readonly examples: readonly (readonly [call: string, does: string])[];
  /** Exit statuses, each with its meaning. */
  readonly statuses: readonly (readonly [status: number, meaning: string])[];
}

/** The spellings of an option: `-i` and `--import`. */
export function spellings({ short, long }: OptionUsage): string[] {
  return short === undefined ? [long] : [short, long];
}
