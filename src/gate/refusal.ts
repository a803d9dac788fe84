/**
 * Why a connection is turned away: one sentence for the sender, in lower case and without a full
 * stop, and hints how to go on. It may name what the sender wrote and nothing of this machine.
 */
export class Refusal extends Error {
  readonly hints: readonly string[];

  constructor(reason: string, hints: readonly string[] = []) {
    super(reason);
    this.name = 'Refusal';
    this.hints = hints;
  }
}
