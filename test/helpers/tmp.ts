import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inject } from 'vitest';
import type { Ids } from './exec.js';

export interface TemporaryFolder {
  readonly path: string;
  /** Earlier than the end of the run, at which it goes anyway. */
  readonly remove: () => void;
}

/** A new folder below the run's own, mode 700, for its owner alone. */
export function createTemporaryFolder(owner?: Ids): TemporaryFolder {
  const path = join(inject('runFolder'), 'tmp', randomBytes(6).toString('hex'));
  mkdirSync(path);
  chmodSync(path, 0o700);
  if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Asks every 10 ms until `condition` gives something, and throws after `timeoutMs`. */
export async function waitFor<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await delay(10);
  }
}
