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
  try {
    return knocksIn(readFileSync(knockListPath()), now);
  } catch {
    return [];
  }
}

/** Notes a knock, or what has become of it. */
export async function listKnock(knock: Knock, outcome: Outcome | undefined): Promise<void> {
  // Several may come and go at once: whatever is there is read when it is this one's turn.
  const add = (content: Buffer | undefined): Buffer => {
    const others = knocksIn(content, new Date()).filter(({ blob }) => blob !== knock.blob);
    return Buffer.from(JSON.stringify([...others, { ...knock, outcome }].slice(-most)));
  };
  await replaceFile(knockListPath(), add, { mode: 0o600 });
}

function knocksIn(content: Buffer | undefined, now: Date): ListedKnock[] {
  return stored(content)
    .flatMap((entry) => read(entry) ?? [])
    .map((knock) => {
      // Of a serve that was killed.
      const isOver = now.getTime() - knock.since.getTime() > knockMs;
      return knock.outcome === undefined && isOver ? { ...knock, outcome: 'late' } : knock;
    });
}

function stored(content: Buffer | undefined): readonly unknown[] {
  try {
    const all = JSON.parse(content?.toString() ?? '') as unknown;
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
