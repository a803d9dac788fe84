/**
 * The gate. The launcher starts it with the settings of this machine, `--`, and the policy of the
 * key that logged in; what the client asked for stands in `SSH_ORIGINAL_COMMAND`.
 *
 * It prints the words the launcher goes on with (see launcher.ts), or a sentence for the sender on
 * standard error and ends with status 1. Every error ends in a refusal.
 */
import { accessSync, rmSync, writeSync } from 'node:fs';
import { userInfo } from 'node:os';
import { isStillAuthorized } from './authorized.js';
import { confine, confinementOf } from './confine.js';
import { NotRsync, decide, readCommand } from './decide.js';
import type { Decision } from './decide.js';
import { withCurrentRsync } from './inspect.js';
import { mountAt } from './mount-table.js';
import type { Policy } from './policy.js';
import { parsePolicy } from './policy.js';
import { quoteAll } from './quote.js';
import { Refusal } from './refusal.js';
import { readSecludedWords } from './secluded.js';
import { piecesFor, removeOldLogs, runningLogs } from './rotation.js';
import {
  beginLog,
  logPaths,
  makeLogFolders,
  ownMode,
  randomName,
  readHeader,
  writeRefusal,
} from './session.js';
import type { Header } from './session.js';
import type { Settings } from './settings.js';
import { parseSettings } from './settings.js';
import { placeFault, placeFaults } from './share-place.js';
import type { CappedShare } from './volume.js';
import { cappedShare, isUsable, mountVolume } from './volume.js';
import { secludedWord } from './words.js';

/** Characters of a text of the client's that go into a header, so that it can be read in one go. */
const notedText = 4096;

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
    mode: '',
    topAttributes: '',
    token: randomName(),
  };
  makeLogFolders(settings.state);
  const { state, logCount: count, logBytes: bytes, logDays: days } = settings;
  removeOldLogs(state, { count, bytes, days }, new Date());
  const log = logPaths(state, new Date(), process.ppid, policy.key);
  try {
    const decision = await decisionFor(policy, settings, command);
    const { direction, topAttributes } = decision;
    const isPush = direction === 'push';
    const place = isPush ? (decision.places[0]?.path ?? '.').slice(0, notedText) : '';
    const begin = (): void => {
      const mode = isPush ? ownMode(policy.share, topAttributes, settings.state) : '';
      beginLog(log.running, { ...header, direction, place, mode, topAttributes });
    };
    const isMeant = (): boolean =>
      isStillAuthorized(settings.authorizedKeys, policyWords, header.address, new Date());
    const capped = await enter(settings, policy.share, isMeant, begin, log.running);
    const { mode } = readHeader(log.running) ?? header;
    const session = {
      share: policy.share,
      log: `${log.running}.pipe`,
      token: header.token,
      readOnly: !decision.writes,
    };
    const seccomp = settings.level === 'bubblewrap' ? settings.seccomp : '';
    const cap = capped === undefined ? '' : String(capped.size);
    const pieces = String(piecesFor(runningLogs(state).length, bytes));
    const syncs = capped !== undefined && needsFsync(policy.share, decision);
    return quoteAll([
      ...[log.running, log.ended, policy.share, mode, topAttributes, seccomp, cap, pieces],
      ...confine(settings, session, decision, syncs),
    ]);
  } catch (error) {
    const refusal = refusalFor(error, policy);
    rmSync(log.running, { force: true });
    writeRefusal(log, header, refusal.message);
    throw refusal;
  }
}

/**
 * Notes the connection (`begin`) and makes sure of it afterwards: whoever revokes a key or takes a
 * volume away changes things first and looks for noted connections then, so that one of the two
 * sees the other. Returns the share's cap.
 */
async function enter(
  settings: Settings,
  share: string,
  isMeant: () => boolean,
  begin: () => void,
  note: string,
): Promise<CappedShare | undefined> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const before = cappedShare(settings, share);
    // SECURITY: before a volume is mounted there, too (test/attacks/share-replaced.test.ts). Where a
    // capped share's folder is missing, mounting makes it.
    const fault = placeFault(share);
    if (fault !== undefined && !(fault === 'missing' && before !== undefined)) {
      throw new Error(`${share} ${placeFaults[fault]}`);
    }
    if (before !== undefined && !(await isUsable(before))) await mountVolume(settings, share);
    // Without it bubblewrap would name the real path in its own message.
    for (const path of [share, ...neededFiles(settings)]) accessSync(path);
    begin();
    if (!isMeant()) {
      throw new Refusal('what this key may do has changed', [
        'close this connection and try again',
      ]);
    }
    const capped = cappedShare(settings, share);
    if (capped === undefined || (await isUsable(capped))) return capped;
    rmSync(note, { force: true });
  }
  throw new Refusal('this share is being changed', ['try again in a while']);
}

/**
 * Whether rsync has to write each file through to the disk before it gives it its name.
 *
 * A power cut could else leave a file in a volume that is whole by name and size and not by content.
 * The kernel's ext4 keeps the order by itself (data=ordered in ext4(5)), but for what is overwritten
 * in place; there the launcher's one sync before the end is enough.
 */
function needsFsync(share: string, { writesInPlace }: Decision): boolean {
  return writesInPlace || mountAt(share)?.type !== 'ext4';
}

/** What has to be there for the sandbox to start. */
function neededFiles({ level, bwrap, setpriv, rsync, sh, libraries }: Settings): string[] {
  const cages = { bubblewrap: [bwrap], landlock: [setpriv], none: [] };
  return [...cages[level], rsync, sh, ...libraries];
}

async function decisionFor(policy: Policy, settings: Settings, command: string): Promise<Decision> {
  const request = readCommand(command);
  const secluded = request.secluded ? (await readSecludedWords(0)).map(secludedWord) : [];
  return decide(policy, confinementOf(settings, policy.share), request, secluded);
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
    process.exitCode = 1;
    // exit() would wait for a read of secluded words that may never end; this does not, and unlike
    // other signals the launcher's shell says nothing about it.
    process.kill(process.pid, 'SIGINT');
  },
);
