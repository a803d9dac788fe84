/** What only root can do for a test: make accounts, disks, mounts and networks. */
import { setTimeout as delay } from 'node:timers/promises';
import { exec } from './exec.js';

export const isRoot = process.getuid?.() === 0;

/** Fails for an ordinary user, in words that say what to do: a skipped test would prove nothing. */
export function needsRoot(what: string): void {
  if (!isRoot) throw new Error(`${what} needs root; run the tests with: sudo npm test`);
}

/** Only root can make a file here, so nobody else can hold the lock. */
const accountsLock = '/run/pysynct.lock';

const patienceMs = 50_000;

/**
 * Runs useradd, usermod, chage or userdel; throws where it fails. These tools wait only some seconds
 * for the lock of /etc/passwd, and several test files make accounts at once: so they take turns, and
 * while another program of the machine has the lock, they are run again.
 */
export async function changeAccounts(argv: readonly string[]): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const { exitCode, stderr } = await exec(['flock', accountsLock, ...argv], {
      timeoutMs: patienceMs,
    });
    if (exitCode === 0) return;
    if (!/cannot lock|try again later/.test(stderr) || Date.now() > deadline) {
      throw new Error(`exit ${exitCode}: ${argv.join(' ')}\n${stderr}`);
    }
    await delay(100);
  }
}
