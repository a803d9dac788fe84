/** Opens a transfer: from what a client asks for, with which key, to a plan for any listener. */
import { existsSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { decide } from '../gate/decide.js';
import { NotRsync, readCommand } from '../gate/request.js';
import type { Decision } from '../gate/decide.js';
import { parsePolicy } from '../gate/policy.js';
import type { Policy } from '../gate/policy.js';
import { Refusal } from '../gate/refusal.js';
import { secludedWord } from '../gate/words.js';
import { guestsFile } from '../ready/own-program.js';
import { cappedShare } from '../ready/volume.js';
import { abilitiesOf } from '../sandbox/sandboxes.js';
import { codeOf } from '../staging/inside.js';
import { removeOldParts } from '../staging/parts.js';
import { finishAbandoned } from './abandoned.js';
import { isStillAuthorized } from './authorized.js';
import { logPaths, makeLogFolders, randomName, runningSessions, writeRefusal } from '../log/log.js';
import type { Header } from '../log/log.js';
import type { Plan } from './plan.js';
import { notedText, prepare } from './prepare.js';
import { NoRoom, describeFull } from './room.js';
import { removeOldLogs } from '../log/rotation.js';
import type { Settings } from './settings.js';

export interface Client {
  /** As in SSH_CONNECTION: its address and port, and those at which it has reached this machine. */
  readonly connection: string;
  /** The process that lives as long as the transfer. */
  readonly pid: number;
}

/**
 * `policyWords` are those of the key's line; `secluded` reads the words that come over standard input
 * with `-s`, and is called where they do.
 *
 * Throws Refusal, which is for the sender, and other errors, which are not.
 */
export async function openTransfer(
  settings: Settings,
  policyWords: readonly string[],
  command: string,
  client: Client,
  secluded: () => Promise<string[]>,
): Promise<Plan> {
  const policy = parsePolicy(policyWords);
  const [address = ''] = client.connection.split(' ');
  const header: Header = {
    version: 1,
    time: new Date().toISOString(),
    peer: policy.peer,
    key: policy.key,
    share: policy.share,
    address,
    direction: 'none',
    place: '',
    command: command.slice(0, notedText),
    pid: client.pid,
    token: randomName(),
  };
  makeLogFolders(settings.state);
  await tidyUp(settings, policy.share);
  const log = logPaths(settings.state, new Date(), client.pid, policy.key);
  try {
    const decision = await decisionFor(policy, settings, command, secluded);
    const guests = guestsFile(settings);
    const isMeant = (): boolean =>
      // Guests first: their owner may have no keys at all.
      [...(existsSync(guests) ? [guests] : []), settings.authorizedKeys].some((file) =>
        isStillAuthorized(file, policyWords, address, new Date()),
      );
    return await prepare(settings, decision, { header, log, isMeant });
  } catch (error) {
    const refusal = isFull(error)
      ? noRoomFor(settings, policy)
      : refusalFor(error, policy, client.connection);
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
  removeOldParts(state, share, () => runningSessions(state), new Date());
}

async function decisionFor(
  policy: Policy,
  settings: Settings,
  command: string,
  secluded: () => Promise<string[]>,
): Promise<Decision> {
  const request = readCommand(command);
  const words = request.secluded ? (await secluded()).map(secludedWord) : [];
  return decide(policy, abilitiesOf(settings, policy.share), request, words);
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

function refusalFor(error: unknown, policy: Policy, connection: string): Error {
  if (error instanceof Refusal) return error;
  if (error instanceof NotRsync) return new Refusal(purpose(policy), [example(policy, connection)]);
  return error instanceof Error ? error : new Error(String(error));
}

function purpose({ access }: Policy): string {
  const uses = {
    'read-write': 'sending and fetching',
    'read-only': 'fetching',
    'write-only': 'sending',
  };
  return `this key is for ${uses[access]} files with rsync, and for nothing else`;
}

/** The command to use, with the address and port at which the client has reached this machine. */
function example(policy: Policy, connection: string): string {
  const [, , address = 'HOST', port = '22'] = connection.split(' ');
  const host = address.includes(':') ? `[${address}]` : address;
  const remote = `${userInfo().username}@${host}:`;
  const shell = port === '22' ? '' : `-e 'ssh -p ${port}' `;
  return policy.access === 'read-only'
    ? `rsync -avP ${shell}${remote}FILE .`
    : `rsync -avP ${shell}FILE ${remote}`;
}
