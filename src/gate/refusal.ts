/**
 * Why a connection is turned away: one sentence for the sender, in lower case and without a full stop,
 * and hints. It may name what the sender wrote and nothing of this machine.
 */
const maxLength = 300;

export class Refusal extends Error {
  readonly hints: readonly string[];
  /** What the launcher ends with; rsync(1), "EXIT VALUES", has no number of its own for a refusal. */
  readonly status: number = 1;

  constructor(reason: string, hints: readonly string[] = []) {
    // A sentence may quote what the sender wrote, and that can be 64 KiB.
    super(reason.length > maxLength ? `${reason.slice(0, maxLength)}…` : reason);
    this.name = 'Refusal';
    this.hints = hints;
  }
}
