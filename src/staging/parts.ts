/**
 * Which sessions have left parts of files behind, and where: one small file each in `state/parts`,
 * so that the same key's next transfer to the same place continues them, and so that they are
 * removed after a while.
 */
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { namesOfSessionFolders, removeSessionFolder, sizeOfFolder } from './folder.js';

export interface Parts {
  readonly share: string;
  /** The session's folder, a path in the share. */
  readonly folder: string;
  readonly peer: string;
  readonly key: string;
  /** The destination as the client named it. */
  readonly place: string;
}

/** A session that runs: the header of its log (log/log.ts). */
interface Running {
  readonly share: string;
  readonly key: string;
  readonly finish?: { readonly folder: string };
}

/** How long parts wait for the same command to be run again. */
const partDays = 7;

/** Notes that `parts.folder` holds some. */
export function noteParts(state: string, parts: Parts): void {
  mkdirSync(`${state}/parts`, { recursive: true, mode: 0o700 });
  const path = fileOf(state, parts.folder);
  writeFileSync(`${path}.tmp`, `${JSON.stringify(parts)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/** All that are noted, the newest first. */
export function notedParts(state: string): (Parts & { readonly time: Date })[] {
  return namesIn(`${state}/parts`)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => read(`${state}/parts/${name}`))
    .sort((a, b) => b.time.getTime() - a.time.getTime());
}

/**
 * Takes over the newest parts of this key at this place that lie in `container`, so that no other
 * session does: the note goes, and whoever removes it first has them. Returns their folder.
 */
export function takeParts(
  state: string,
  wanted: Omit<Parts, 'folder' | 'peer'>,
  container: string,
): string | undefined {
  for (const { share, key, place, folder } of notedParts(state)) {
    if (share !== wanted.share || key !== wanted.key || place !== wanted.place) continue;
    if (!folder.startsWith(`${container}/`)) continue;
    try {
      rmSync(fileOf(state, folder));
      return folder;
    } catch {
      // Another session was faster.
    }
  }
  return undefined;
}

/**
 * Removes parts that nobody has come back for; in `share` also a folder that no session knows of,
 * such as one whose volume was torn away under it.
 */
export function removeOldParts(
  state: string,
  share: string,
  sessions: () => readonly Running[],
  now: Date,
): void {
  const isOld = (time: Date): boolean => now.getTime() - time.getTime() >= partDays * 86_400_000;
  const noted = notedParts(state);
  for (const parts of noted.filter(({ time }) => isOld(time))) remove(state, parts);
  const lost = namesOfSessionFolders(share).filter(
    ({ folder, time }) => isOld(time) && !noted.some((parts) => parts.folder === folder),
  );
  if (lost.length === 0) return;
  const running = sessions().map(({ finish }) => finish?.folder);
  for (const { folder } of lost) if (!running.includes(folder)) remove(state, { share, folder });
}

function remove(state: string, { share, folder }: Pick<Parts, 'share' | 'folder'>): void {
  try {
    removeSessionFolder(share, folder);
    rmSync(fileOf(state, folder), { force: true });
  } catch {
    // The share cannot be reached now; the note stays until it can.
  }
}

/** What is kept in a share for a rerun. */
export interface KeptParts {
  readonly peer: string;
  readonly bytes: number;
  /** When it is removed, if nobody has come back for it. */
  readonly until: Date;
}

/** The parts that are kept in this share, the newest first. */
export function keptParts(state: string, share: string): KeptParts[] {
  return notedParts(state)
    .filter((parts) => parts.share === share)
    .map(({ peer, folder, time }) => ({
      peer,
      bytes: sizeOfFolder(share, folder),
      until: new Date(time.getTime() + partDays * 86_400_000),
    }));
}

/** Bytes in the share that are in no file of it yet. */
export interface HeldRoom {
  /** In parts of this key's interrupted transfers, and in those of others. */
  readonly own: number;
  readonly others: number;
  /** In transfers of others that run. */
  readonly running: number;
}

/** Who holds room in the share, seen from the key that has connected; an empty one is nobody. */
export function heldRoom(
  state: string,
  share: string,
  sessions: readonly Running[],
  key: string,
): HeldRoom {
  const sum = (folders: readonly Pick<Parts, 'share' | 'folder'>[]): number =>
    folders
      .filter((each) => each.share === share)
      .reduce((total, { folder }) => total + sizeOfFolder(share, folder), 0);
  const noted = notedParts(state);
  const running = sessions.flatMap(({ share: place, key: theirs, finish }) =>
    finish === undefined || theirs === key ? [] : [{ share: place, folder: finish.folder }],
  );
  return {
    own: sum(noted.filter((parts) => parts.key === key)),
    others: sum(noted.filter((parts) => parts.key !== key)),
    running: sum(running),
  };
}

function read(path: string): (Parts & { time: Date })[] {
  try {
    const parts = JSON.parse(readFileSync(path, 'utf8')) as Parts;
    return [{ ...parts, time: statSync(path).mtime }];
  } catch {
    return [];
  }
}

function fileOf(state: string, folder: string): string {
  return `${state}/parts/${folder.slice(folder.lastIndexOf('/') + 1)}.json`;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
