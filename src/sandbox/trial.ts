/** Trying the sandbox: programs of our own in it, over a share that is there for the trial alone. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { quote } from '../gate/quote.js';
import { run } from '../system/run.js';
import type { RunResult } from '../system/run.js';
import { makeTemporaryFolder } from '../system/temporary.js';
import type { SandboxSession, SandboxSettings } from './sandbox.js';
import { sandboxed, sandboxes } from './sandboxes.js';

export interface Trial {
  /** Holds the share, and what else is made for the trial: it goes with it. */
  readonly folder: string;
  readonly session: SandboxSession;
  /** Where the share is seen in the sandbox. */
  readonly root: string;
}

/** Makes a share in a new folder below `parent`, and takes it away after `body`. */
export async function withTrialShare<T>(
  parent: string,
  settings: SandboxSettings,
  body: (trial: Trial) => Promise<T>,
): Promise<T> {
  const made = makeTemporaryFolder(parent);
  const folder = made.path;
  try {
    const share = join(folder, 'share');
    const log = join(folder, 'log');
    mkdirSync(share);
    writeFileSync(log, '');
    const session = { share, log, readOnly: false };
    const { root } = sandboxes[settings.level].view(session);
    return await body({ folder, session, root });
  } finally {
    made.remove();
  }
}

/**
 * Runs `program` in the sandbox, however it ends. In the shell script `around`, `"$@"` is the whole
 * command, and it runs outside.
 */
export function tryInSandbox(
  settings: SandboxSettings,
  session: SandboxSession,
  program: readonly string[],
  around = '"$@"',
): Promise<RunResult> {
  // As the launcher opens it for a transfer.
  const redirect = settings.seccomp === '' ? '' : `exec 9<${quote(settings.seccomp)}\n`;
  const words = sandboxed(settings, session, program);
  return run('sh', ['-c', `${redirect}${around}`, 'sh', ...words], {
    purpose: 'try the sandbox',
    expectExit: 'any',
    timeoutMs: 20_000,
  });
}
