/**
 * The gate. The launcher starts it with the settings of this machine, `--`, and the policy of the
 * key that logged in; what the client asked for stands in `SSH_ORIGINAL_COMMAND`.
 *
 * It prints the words the launcher goes on with (see launcher.ts), or a sentence for the sender on
 * standard error and ends with status 1. Every error ends in a refusal.
 */
import { rmSync, writeSync } from 'node:fs';
import { userInfo } from 'node:os';
import { finishAbandoned } from './abandoned.js';
import { isStillAuthorized } from './authorized.js';
import { confinementOf } from '../sandbox/confine.js';
import { NotRsync, decide, readCommand } from '../gate/decide.js';
import type { Decision } from '../gate/decide.js';
import { codeOf } from '../staging/inside.js';
import { withCurrentRsync } from '../sandbox/rsync-facts.js';
import { notedText, openTransfer } from './open.js';
import { removeOldParts } from '../staging/parts.js';
import type { Policy } from '../gate/policy.js';
import { parsePolicy } from '../gate/policy.js';
import { NoRoom, Refusal } from '../gate/refusal.js';
import { describeFull } from './room.js';
import { readSecludedWords } from './secluded.js';
import { removeOldLogs } from './rotation.js';
import { logPaths, makeLogFolders, randomName, writeRefusal } from './log.js';
import type { Header } from './log.js';
import type { Settings } from './settings.js';
import { parseSettings } from './settings.js';
import { cappedShare } from '../ready/volume.js';
import { secludedWord } from '../gate/words.js';

async function main(): Promise<string> {
  const words = process.argv.slice(2);
  const border = words.indexOf('--');
  const settings = withCurrentRsync(parseSettings(words.slice(0, border)));
  const policyWords = words.slice(border + 1);
  const policy = parsePolicy(policyWords);
  const command = process.env['SSH_ORIGINAL_COMMAND'] ?? '';
  const header: Header = {
    version: 1,
    time: new Date().toISOString(),
    peer: policy.peer,
    key: policy.key,
    share: policy.share,
    address: process.env['SSH_CONNECTION']?.split(' ')[0] ?? '',
    direction: 'none',
    place: '',
    command: command.slice(0, notedText),
    pid: process.ppid,
    token: randomName(),
  };
  makeLogFolders(settings.state);
  await tidyUp(settings, policy.share);
  const log = logPaths(settings.state, new Date(), process.ppid, policy.key);
  try {
    const decision = await decisionFor(policy, settings, command);
    const isMeant = (): boolean =>
      isStillAuthorized(settings.authorizedKeys, policyWords, header.address, new Date());
    return await openTransfer(settings, decision, { header, log, isMeant });
  } catch (error) {
    const refusal = isFull(error) ? noRoomFor(settings, policy) : refusalFor(error, policy);
    rmSync(log.running, { force: true });
    try {
      writeRefusal(log, header, refusal.message);
    } catch {
      // A disk that is full has no room for that either.
    }
    throw refusal;
  }
}

/** What others have left: logs without an end, too many logs, parts that nobody came back for. */
async function tidyUp(settings: Settings, share: string): Promise<void> {
  const { state, logCount: count, logBytes: bytes, logDays: days } = settings;
  const unfinished = await finishAbandoned(settings);
  removeOldLogs(state, { count, bytes, days }, new Date(), unfinished);
  removeOldParts(state, share, new Date());
}

async function decisionFor(policy: Policy, settings: Settings, command: string): Promise<Decision> {
  const request = readCommand(command);
  const secluded = request.secluded ? (await readSecludedWords(0)).map(secludedWord) : [];
  return decide(policy, confinementOf(settings, policy.share), request, secluded);
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '');
}

/** Also where it is the owner's disk that is full, and not the share's volume. */
function noRoomFor(settings: Settings, { share, key }: Policy): NoRoom {
  const capped = cappedShare(settings, share);
  if (capped === undefined) return new NoRoom();
  return new NoRoom(describeFull(settings.state, share, capped.size, key));
}

function refusalFor(error: unknown, policy: Policy): Error {
  if (error instanceof Refusal) return error;
  if (error instanceof NotRsync) return new Refusal(purpose(policy), [example(policy)]);
  return error instanceof Error ? error : new Error(String(error));
}

function purpose(policy: Policy): string {
  switch (policy.access) {
    case 'read-write':
      return 'this key is for sending and fetching files with rsync, and for nothing else';
    case 'read-only':
      return 'this key is for fetching files with rsync, and for nothing else';
    case 'write-only':
      return 'this key is for sending files with rsync, and for nothing else';
  }
}

/** The command to use, with the address and port at which the client has reached this machine. */
function example(policy: Policy): string {
  const [, , address = 'HOST', port = '22'] = (process.env['SSH_CONNECTION'] ?? '').split(' ');
  const host = address.includes(':') ? `[${address}]` : address;
  const remote = `${userInfo().username}@${host}:`;
  const shell = port === '22' ? '' : `-e 'ssh -p ${port}' `;
  return policy.access === 'read-only'
    ? `rsync -avP ${shell}${remote}FILE .`
    : `rsync -avP ${shell}FILE ${remote}`;
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
  (plan) => {
    writeSync(1, `${plan}\n`);
  },
  (error: unknown) => {
    tell(error);
    if (error instanceof Refusal && error.status !== 1) process.exit(error.status);
    // exit() would wait for a read of secluded words that may never end; this does not, and unlike
    // other signals the launcher's shell says nothing about it.
    process.kill(process.pid, 'SIGINT');
  },
);
