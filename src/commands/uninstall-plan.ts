/** What pysync has put on this machine, and what of it `pysync uninstall` removes. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { PysyncError } from '../errors.js';
import { runningSessions } from '../log/log.js';
import type { OurKey } from '../keys/authorized-keys.js';
import { importedKeys } from '../keys/imported.js';
import { launcherPath } from '../launcher/install.js';
import { hostKeyPath } from '../server/host-key.js';
import { installedUnit, unitPath } from '../server/installed.js';
import { knockListPath } from '../server/knock-list.js';
import { runningServe } from '../server/running.js';
import { guestsFile } from '../ready/own-program.js';
import { cappedShares } from '../volume/registry.js';
import type { ShareRecord } from '../volume/registry.js';
import { configFolder, dataFolder, defaultShare, stateFolder } from '../system/folders.js';
import { formatSize } from '../system/sizes.js';
import { imagesWithoutShare } from '../volume/kept.js';
import { originalsOf, uncappedOf } from '../volume/state.js';
import { counted } from '../system/text.js';

export interface Installed {
  readonly keys: readonly OurKey[];
  /** Lines of ours that are damaged, as sentences. */
  readonly broken: readonly string[];
  readonly running: number;
  readonly volumes: readonly ShareRecord[];
  /** Why it is not known which shares are capped; their volumes must be left then. */
  readonly unknownVolumes: PysyncError | undefined;
  /** Images that no share uses. */
  readonly strays: readonly string[];
  /** The share directories that are there. */
  readonly shares: readonly string[];
  /** Folders beside them in which pysync put files of theirs. */
  readonly beside: readonly string[];
  /** The unit that starts pysync serve. */
  readonly unit: string | undefined;
  /** pysync's own folders that are there. */
  readonly folders: readonly string[];
}

/** `known` are shares of keys that are not there any more. */
export async function findInstalled(known: readonly string[] = []): Promise<Installed> {
  const { keys, broken } = await importedKeys();
  let unknownVolumes: PysyncError | undefined;
  const volumes = await cappedShares().catch((error: unknown) => {
    if (!(error instanceof PysyncError)) throw error;
    unknownVolumes = error;
    return [];
  });
  const paths = [
    ...known,
    ...keys.map(({ policy }) => policy.share),
    ...volumes.map(({ path }) => path),
  ];
  const shares = [...new Set(paths)];
  return {
    keys,
    broken,
    running: runningSessions(stateFolder()).length,
    volumes,
    unknownVolumes,
    strays:
      unknownVolumes === undefined ? (await imagesWithoutShare()).map(({ path }) => path) : [],
    shares: shares.filter((path) => existsSync(path)),
    beside: [...new Set([...shares, defaultShare()])].flatMap(namesBeside),
    unit: installedUnit() === undefined ? undefined : unitPath(),
    folders: [...new Set([dataFolder(), stateFolder(), configFolder()])].filter((path) =>
      existsSync(path),
    ),
  };
}

function namesBeside(share: string): string[] {
  const folder = dirname(share);
  if (!existsSync(folder)) return [];
  const found = readdirSync(folder)
    .filter((name) => name.startsWith(`${basename(share)}.found-`))
    .map((name) => join(folder, name));
  return [originalsOf(share), uncappedOf(share)].filter((path) => existsSync(path)).concat(found);
}

/** Whether there is nothing to remove. */
export function isNothing(found: Installed): boolean {
  const { keys, broken, volumes, unknownVolumes, unit, folders } = found;
  const lists = [keys, broken, volumes, folders];
  return lists.every((list) => list.length === 0) && !unknownVolumes && unit === undefined;
}

/** What would be done, as lines for a person. */
export function describePlan(found: Installed, deleteFiles: boolean): string[] {
  const { keys, broken, running, volumes, strays, shares, beside, unit, folders } = found;
  const peers = [...new Set(keys.map(({ policy }) => policy.peer))].join(', ');
  const lines: string[] = [];
  if (keys.length > 0) {
    lines.push(`${counted(keys.length, 'key')} of ${peers}: taken out of ~/.ssh/authorized_keys`);
  }
  if (broken.length > 0)
    lines.push(`${counted(broken.length, 'damaged line')} of pysync's there, too`);
  if (running > 0) lines.push(`${counted(running, 'transfer')} that runs now: ended`);
  if (unit !== undefined) lines.push(`pysync serve: stopped, and its unit ${unit} removed`);
  else if (runningServe() !== undefined) lines.push('pysync serve, which runs now: ended');
  for (const [path, what] of serveFiles()) lines.push(`${what} ${path}: removed`);
  if (existsSync(launcherPath())) lines.push(`the launcher ${launcherPath()}: removed`);
  for (const { path, volume } of volumes) {
    const size = formatSize(volume.size);
    lines.push(
      deleteFiles
        ? `the volume of ${path} (${size}): removed WITH ALL FILES in it`
        : `the volume of ${path} (${size}): its files are moved out, then its image is removed`,
    );
    if (volume.mount === 'loop' && process.geteuid?.() !== 0) {
      lines.push('  and its line in /etc/fstab, which takes sudo');
    }
  }
  if (deleteFiles) {
    for (const path of [...shares, ...beside, ...strays])
      lines.push(`${path}: DELETED with all that is in it`);
  }
  for (const path of folders)
    lines.push(`logs, settings and what else is pysync's in ${path}: removed`);
  return lines;
}

/** What pysync serve keeps in pysync's own folders, as far as it is there. */
function serveFiles(): (readonly [path: string, what: string])[] {
  const files = [
    [hostKeyPath(), 'the host key of pysync serve, by which senders know it,'],
    [knockListPath(), 'the list of who has knocked'],
    [guestsFile({ data: dataFolder() }), 'the list of guests'],
  ] as const;
  return files.filter(([path]) => existsSync(path));
}

/** What is not removed, and how to: asked after it was done, or to say what would stay. */
export function describeLeft(found: Installed, deleteFiles: boolean): string[] {
  const { strays, shares, beside, folders } = found;
  const lines: string[] = [];
  if (!deleteFiles) {
    for (const path of shares) lines.push(`the files in ${path}`);
    for (const path of beside) lines.push(`files that pysync moved aside, in ${path}`);
    for (const path of strays) lines.push(`a disk image that may hold files of a share: ${path}`);
  }
  for (const path of folders) lines.push(`${path}, with what is still in it`);
  const keyFile = join(homedir(), '.ssh', 'authorized_keys');
  if (statSync(keyFile, { throwIfNoEntry: false })?.size === 0)
    lines.push(`${keyFile}, which is empty`);
  return [...lines, itself(), 'packages of the system, such as rsync, bubblewrap and fuse2fs'];
}

/** Where the program is, which cannot take itself away. */
function itself(): string {
  const folder = join(__dirname, '../..');
  return basename(dirname(folder)) === 'node_modules'
    ? `the program: npm uninstall --global pysync (it is in ${folder})`
    : `the program, in ${folder}`;
}
