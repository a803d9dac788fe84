/**
 * Which sessions have left parts of files behind, and where: one small file each in `state/parts`,
 * so that the same key's next transfer to the same place goes on with them, and so that they are
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
import { removeSessionFolder } from './session-folder.js';

export interface Parts {
  readonly share: string;
  /** The session's folder, a path in the share. */
  readonly folder: string;
  readonly peer: string;
  readonly key: string;
  /** The destination as the client named it. */
  readonly place: string;
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
 * Takes over the newest parts of this key at this place, so that no other session does: the note
 * goes, and whoever removes it first has them. Returns their folder.
 */
export function takeParts(
  state: string,
  wanted: Omit<Parts, 'folder' | 'peer'>,
): string | undefined {
  for (const { share, key, place, folder } of notedParts(state)) {
    if (share !== wanted.share || key !== wanted.key || place !== wanted.place) continue;
    try {
      rmSync(fileOf(state, folder));
      return folder;
    } catch {
      // Another session was faster.
    }
  }
  return undefined;
}

/** Removes parts that nobody has come back for. */
export function removeOldParts(state: string, now: Date): void {
  for (const { share, folder, time } of notedParts(state)) {
    if (now.getTime() - time.getTime() < partDays * 86_400_000) continue;
    try {
      removeSessionFolder(share, folder);
      rmSync(fileOf(state, folder), { force: true });
    } catch {
      // The share cannot be reached now; the note stays until it can.
    }
  }
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
