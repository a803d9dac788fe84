/**
 * Ctrl-C. Most of the time pysync ends at once; inside `undoable` the tool that runs is ended and
 * what was begun is taken back first. A second Ctrl-C ends it in any case, and the next pysync
 * takes back what is left.
 */

let depth = 0;
let interrupted = false;

/** Whether Ctrl-C came; whoever works in steps asks before each. */
export function wasInterrupted(): boolean {
  return interrupted;
}

/** Runs `body`, which takes its work back when one of its tools fails. */
export async function undoable<T>(body: () => Promise<T>): Promise<T> {
  depth += 1;
  try {
    return await body();
  } finally {
    depth -= 1;
  }
}

/** Takes over SIGINT and SIGTERM; called once, by cli.ts. */
export function endOnInterrupt(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (depth === 0 || interrupted) process.exit(130);
      interrupted = true;
    });
  }
}
