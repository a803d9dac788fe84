/**
 * Prepares a transfer: everything between a decision and rsync that needs the disk. The share has to be
 * there, the key's line still has to be there, nothing that runs may be in the way, and the session
 * gets its own folder and its log.
 */
import { accessSync, rmSync } from 'node:fs';
import type { Decision } from '../gate/decide.js';
import { ownFolder, partsOf } from '../gate/paths.js';
import { Refusal } from '../gate/refusal.js';
import { beginLog, randomName, refuseConflicts, runningSessions } from '../log/log.js';
import type { Header, Log } from '../log/log.js';
import { piecesFor, runningLogs } from '../log/rotation.js';
import { mountAt } from '../ready/mount-table.js';
import { placeFault, placeFaults } from '../ready/place.js';
import { cappedShare, isUsable, mountVolume } from '../ready/volume.js';
import type { CappedShare } from '../ready/volume.js';
import { sandboxes } from '../sandbox/sandboxes.js';
import type { Finish } from '../staging/finish.js';
import {
  isOwnFolder,
  makeSessionFolder,
  removeSessionFolder,
  sizeOfFolder,
  stagedShare,
} from '../staging/folder.js';
import { noteParts, notedParts, takeParts } from '../staging/parts.js';
import type { Parts } from '../staging/parts.js';
import { refuseSecondNames, writableFolder } from '../staging/places.js';
import type { Writable } from '../staging/places.js';
import { finishAbandoned } from './abandoned.js';
import type { Plan } from './plan.js';
import { transferCommand } from './rsync-command.js';
import type { Session } from './rsync-command.js';
import type { Settings } from './settings.js';
import { endSilentSessions } from './silent.js';

export interface Connection {
  readonly header: Header;
  readonly log: Log;
  readonly isMeant: () => boolean;
}

/** Characters of a text of the client's that go into a header, so that it can be read in one go. */
export const notedText = 4096;

/** Gets everything ready for the transfer. Throws Refusal, and what the file system says. */
export async function prepare(
  settings: Settings,
  decision: Decision,
  { header, log, isMeant }: Connection,
): Promise<Plan> {
  const { state } = settings;
  const { share } = header;
  const { direction, writes } = decision;
  const isPush = direction === 'push';
  const place = isPush ? (decision.places[0]?.path ?? '.').slice(0, notedText) : '';
  if (isPush) await endSilentSessions(state, { ...header, place });
  const writable = (): Writable | undefined => writableFolder(share, decision);
  // The first look decides where the session's own folder lies; the second what is opened.
  let folder = '';
  const begin = (): void => {
    const isWriting = isPush && writes.kind !== 'nothing';
    folder = isWriting ? folderFor(settings, { ...header, place }, writable()) : '';
    const finish = folder === '' ? undefined : finishOf(decision, folder);
    if (finish !== undefined) refuseConflicts(share, finish, runningSessions(state));
    beginLog(log.running, {
      ...header,
      direction,
      place,
      ...(finish === undefined ? {} : { finish }),
    });
  };
  let capped: CappedShare | undefined;
  let opened: Writable | undefined;
  try {
    capped = await enter(settings, share, isMeant, begin, log.running);
    opened = writable();
    if (decision.writesInPlace) refuseSecondNames(share, place);
    if (folder !== '') makeFolder(share, folder, decision, place);
  } catch (error) {
    if (folder !== '') giveUpFolder(state, { ...header, place, folder });
    throw error;
  }
  const syncs = isPush && capped !== undefined && needsFsync(share, decision);
  const session: Session = {
    share,
    log: `${log.running}.pipe`,
    token: header.token,
    folder,
    syncs,
    readOnly: !isPush || writes.kind === 'nothing',
    ...(opened === undefined ? {} : { writable: opened.path }),
    ...(writes.kind === 'own' ? { only: folder } : {}),
    hidden: isPush ? [] : hiddenFolders(state, share),
  };
  const isFinishing =
    writes.kind === 'own' || decision.checksLinks !== 'nowhere' || decision.attributes !== '';
  return {
    ...{ log, share, folder, direction },
    finishes: folder !== '' && isFinishing,
    ...(opened === undefined ? {} : { writable: opened }),
    filter: sandboxes[settings.level].takesFilter ? settings.seccomp : '',
    ...(capped === undefined ? {} : { cap: capped.size }),
    pieces: piecesFor(runningLogs(state).length, settings.logBytes),
    tells: isPush && (settings.onReceived !== '' || settings.notifies),
    command: transferCommand(settings, session, decision),
  };
}

function finishOf(decision: Decision, folder: string): Finish {
  const { delivery, backup, attributes, checksLinks, writesInPlace, makesLinks } = decision;
  return {
    folder,
    isStaged: decision.writes.kind === 'own',
    keepsParts: decision.keepsParts,
    delivery,
    ...(backup === undefined ? {} : { backup }),
    ...{ attributes, checksLinks, writesInPlace, makesLinks },
  };
}

/** The session's own folder: that of an earlier one whose parts it continues, or a new name. */
function folderFor(
  { state }: Settings,
  { key, share, place }: Pick<Header, 'key' | 'share' | 'place'>,
  writable: Writable | undefined,
): string {
  // What deletes can write nowhere else, so an earlier one elsewhere is of no use to it.
  const container = [...partsOf(writable?.path ?? ''), ownFolder].join('/');
  return takeParts(state, { key, share, place }, container) ?? `${container}/${randomName()}`;
}

/** Where nothing comes of the session: parts that it had taken over wait for the next one. */
function giveUpFolder(state: string, { share, folder, peer, key, place }: Parts): void {
  if (isOwnFolder(share, `${folder}/parts`) && sizeOfFolder(share, `${folder}/parts`) > 0) {
    noteParts(state, { share, folder, peer, key, place });
  } else {
    removeSessionFolder(share, folder);
  }
}

function makeFolder(share: string, folder: string, decision: Decision, place: string): void {
  const parts = partsOf(folder);
  const name = parts.pop() ?? '';
  parts.pop();
  const isStaged = decision.writes.kind === 'own';
  // rsync makes the destination, and not what is above it.
  const above = isStaged ? partsOf(place).slice(0, -1) : [];
  const more = [
    ...(isStaged ? [[stagedShare]] : []),
    ...above.map((_, i) => [stagedShare, ...above.slice(0, i + 1)]),
    ...(decision.attributes === '' ? [] : [['folders']]),
  ];
  makeSessionFolder(share, parts.join('/'), name, more);
}

/** Folders of other sessions, and of parts, which a fetch is not to see. */
function hiddenFolders(state: string, share: string): string[] {
  const noted = [
    ...runningSessions(state).map((other) => ({
      share: other.share,
      folder: other.finish?.folder,
    })),
    ...notedParts(state),
  ]
    .filter((other) => other.share === share)
    .flatMap(({ folder = '' }) => (folder === '' ? [] : [folder.replace(/\/[^/]*$/, '')]));
  return [...new Set([ownFolder, ...noted])].filter((folder) => isOwnFolder(share, folder));
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
    if (before !== undefined && !(await isUsable(before))) {
      await mountVolume(settings, share);
      await finishAbandoned(settings);
    }
    // Without it bubblewrap would name the real path in its own message.
    accessSync(share);
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
