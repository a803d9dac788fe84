/** What the owner is told about connections, which anybody on the network can make. */
import type { OnNotice } from './answers.js';

/** Milliseconds between two notices that say the same. */
const pauseMs = 60_000;

/** Different ones in that time; then the pauses of all of them are over. */
const mostDifferent = 1000;

/**
 * Leaves out what has just been said. SECURITY: a flood of connections would fill the owner's screen, or
 * the disk on which the journal is (test/attacks/serve-floods.test.ts).
 */
export function withoutRepetitions(onNotice: OnNotice): OnNotice {
  const said = new Map<string, number>();
  return (address, what) => {
    const now = performance.now();
    const text = `${address} ${what}`;
    if (now - (said.get(text) ?? -Infinity) < pauseMs) return;
    if (said.size >= mostDifferent) said.clear();
    said.set(text, now);
    onNotice(address, what);
  };
}
