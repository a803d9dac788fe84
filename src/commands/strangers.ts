/** Letting strangers in: who has knocked at `pysync serve`, and may be told from the peers that there are. */
import { peerName } from '../keys/new-line.js';
import type { Knock } from '../server/knocks.js';
import { collect, installCollected } from './import-keys.js';
import { rulesFrom } from './rules.js';
import type { Options } from './words/options.js';

/** What has to be known of a stranger for that. */
export type Stranger = Pick<Knock, 'type' | 'blob' | 'fingerprint' | 'user'>;

/**
 * Imports the stranger's key with the policy that the options say, and returns the name it gets. Throws
 * PysyncError where that is refused.
 */
export async function letIn(stranger: Stranger, options: Options): Promise<string> {
  const { rules, before } = await rulesFrom(options);
  const names = new Set(before.map(({ policy }) => policy.peer));
  const name = rules.name ?? freeName(peerName(stranger.user, stranger.fingerprint), names);
  const key = `${stranger.type} ${stranger.blob}`;
  const collected = await collect([key], { ...rules, name }, before);
  await installCollected(rules.share, collected, undefined);
  return name;
}

/**
 * SECURITY: what strangers call themselves must not make them one with a peer that there is
 * (test/unit/commands/strangers.test.ts).
 */
export function freeName(wish: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wish)) return wish;
  for (let number = 2; ; number += 1) {
    const name = `${wish.slice(0, 60)}-${number}`;
    if (!taken.has(name)) return name;
  }
}
