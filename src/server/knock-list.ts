/** Who waits or has waited to be let in, on disk: for a pysync in another terminal. */
import { readFileSync } from 'node:fs';
import { isWellFormedKey } from '../keys/key-line.js';
import { replaceFile } from '../system/files.js';
import { stateFolder } from '../system/folders.js';
import { knockMs } from './knocks.js';
import type { Knock, Outcome } from './knocks.js';

export interface ListedKnock extends Knock {
  /** Undefined while they wait. */
  readonly outcome: Outcome | undefined;
}

/** How many are kept. */
const most = 20;

export function knockListPath(): string {
  return `${stateFolder()}/knocks.json`;
}

/** The newest last. */
export function listedKnocks(now: Date): readonly ListedKnock[] {
  return stored()
    .flatMap((entry) => read(entry) ?? [])
    .map((knock) => {
      // Of a serve that was killed.
      const isOver = now.getTime() - knock.since.getTime() > knockMs;
      return knock.outcome === undefined && isOver ? { ...knock, outcome: 'late' } : knock;
    });
}

/** Notes a knock, or what has become of it. */
export async function listKnock(knock: Knock, outcome: Outcome | undefined): Promise<void> {
  const others = listedKnocks(new Date()).filter(({ blob }) => blob !== knock.blob);
  const text = JSON.stringify([...others, { ...knock, outcome }].slice(-most));
  await replaceFile(knockListPath(), () => Buffer.from(text), { mode: 0o600 });
}

function stored(): readonly unknown[] {
  try {
    const all = JSON.parse(readFileSync(knockListPath(), 'utf8')) as unknown;
    return Array.isArray(all) ? all : [];
  } catch {
    return [];
  }
}

function read(entry: unknown): ListedKnock | undefined {
  const { type, blob, fingerprint, user, address, command, since, outcome } = entry as Record<
    keyof ListedKnock,
    string
  >;
  if (!isWellFormedKey({ type, blob })) return undefined;
  const knock = { type, blob, fingerprint, user, address, command };
  return { ...knock, since: new Date(since), outcome: outcome as Outcome };
}
