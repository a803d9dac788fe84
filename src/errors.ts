/**
 * The one kind of error a person is meant to read.
 *
 * The message is one sentence in lower case without a full stop; `hints` say what to do, each on a line
 * of its own. Anything else that is thrown is a bug of pysync and is reported as one. Neither may hold
 * key bodies, tokens, or lines of a file that is not ours.
 */
export class PysyncError extends Error {
  readonly code: string;
  readonly hints: readonly string[];
  /** What the process ends with: 1 for a failure, 2 for wrong usage. */
  readonly exitStatus: 1 | 2;

  constructor(
    code: string,
    message: string,
    options: { hints?: readonly string[]; cause?: unknown; exitStatus?: 1 | 2 } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PysyncError';
    this.code = code;
    this.hints = options.hints ?? [];
    this.exitStatus = options.exitStatus ?? 1;
  }
}

/** The `code` of a failed system call (`ENOENT`, `EACCES`, …), or undefined for any other value. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return undefined;
}
