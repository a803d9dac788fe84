/**
 * Guests: who is let in for one session, by the owner's word or a code. Their policy is a line of the
 * same form as a key's, in a file of pysync's own, while that session runs.
 */
import { rmSync } from 'node:fs';
import { formatPolicy } from '../gate/policy.js';
import type { Policy } from '../gate/policy.js';
import { quoteAll } from '../gate/quote.js';
import { guestsFile } from '../ready/own-program.js';
import { replaceFile } from '../system/files.js';
import { dataFolder } from '../system/folders.js';

/** Lets a guest in; `launcher` is its path. Returns what takes the line out again. */
export async function admitGuest(policy: Policy, launcher: string): Promise<() => Promise<void>> {
  const command = quoteAll([launcher, ...formatPolicy(policy)]).replaceAll('"', '\\"');
  const line = `restrict,command="${command}"\n`;
  await edit((text) => text + line);
  return () => edit((text) => text.replace(line, ''));
}

/** Forgets those of a serve that was killed. */
export function forgetGuests(): void {
  rmSync(guestsFile({ data: dataFolder() }), { force: true });
}

async function edit(change: (text: string) => string): Promise<void> {
  const changed = (content?: Buffer): Buffer => Buffer.from(change(content?.toString() ?? ''));
  await replaceFile(guestsFile({ data: dataFolder() }), changed, { mode: 0o600 });
}
