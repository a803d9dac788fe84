/**
 * The entry from sshd. The launcher starts it with the policy of the key that logged in; what the
 * client asked for is in `SSH_ORIGINAL_COMMAND`.
 *
 * It prints the words the launcher continues with (plan.ts), or a sentence for the sender on standard
 * error and ends with status 1. Every error ends in a refusal.
 */
import { writeSync } from 'node:fs';
import { Refusal } from '../gate/refusal.js';
import { openTransfer } from './open.js';
import { planWords } from './plan.js';
import { readSecludedWords } from './secluded.js';
import { currentSettings, pysyncFolders } from './settings.js';

async function main(): Promise<string> {
  const settings = await currentSettings(pysyncFolders());
  const client = { connection: process.env['SSH_CONNECTION'] ?? '', pid: process.ppid };
  const command = process.env['SSH_ORIGINAL_COMMAND'] ?? '';
  const policyWords = process.argv.slice(2);
  const secluded = (): Promise<string[]> => readSecludedWords(0);
  return planWords(await openTransfer(settings, policyWords, command, client, secluded));
}

/**
 * SECURITY: only a Refusal is meant for the sender. Any other error may name a path of this
 * machine, so the sender gets one sentence and the owner finds the rest with `pysync doctor`.
 */
function tell(error: unknown): void {
  const lines =
    error instanceof Refusal
      ? [error.message, ...error.hints]
      : ['the receiving side has a problem; its owner can see it with: pysync doctor'];
  const [first = '', ...rest] = lines.map((line) => line.replaceAll(/\p{C}/gu, '?'));
  writeSync(2, [`pysync: ${first}`, ...rest.map((line) => `  ${line}`), ''].join('\n'));
}

main().then(
  (words) => {
    writeSync(1, `${words}\n`);
  },
  (error: unknown) => {
    tell(error);
    if (error instanceof Refusal && error.status !== 1) process.exit(error.status);
    // exit() would wait for a read of secluded words that may never end; this does not, and unlike
    // other signals the launcher's shell says nothing about it.
    process.kill(process.pid, 'SIGINT');
  },
);
