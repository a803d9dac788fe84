/**
 * The launcher on disk: the one program that the imported keys can start.
 */
import { accessSync, chmodSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Level } from '../gate/decide.js';
import { rsyncStamp } from '../sandbox/rsync-facts.js';
import { launcherText } from '../session/launcher.js';
import type { Settings } from '../session/settings.js';
import { parseSettings } from '../session/settings.js';
import { splitWords } from '../gate/words.js';
import { fileFailure } from '../system/failures.js';
import { replaceFile } from '../system/files.js';
import { dataFolder, stateFolder } from '../system/folders.js';
import { printable } from '../system/text.js';
import { version } from '../system/version.js';
import type { Chosen } from './chosen.js';

/** What this pysync writes into a launcher about itself. */
const origin = {
  node: process.execPath,
  main: join(__dirname, '../session/entry.js'),
  version,
};

export function launcherPath(): string {
  return join(dataFolder(), 'gate');
}

/**
 * Makes the launcher, or makes it anew, with the strongest confinement this machine has.
 *
 * Where the launcher in place runs without a sandbox, the owner has chosen that before and need
 * not say so again.
 */
export async function makeLauncher(
  authorizedKeys: string,
  confine: 'none' | undefined,
): Promise<{ path: string; level: Level }> {
  const allowNone = confine === 'none' || launcherSettings()?.level === 'none';
  makeFolders();
  // Loaded only here: status needs the rest of this file, and not what runs child processes.
  const { findConfinement } = await import('../sandbox/choose.js');
  const found = await findConfinement(authorizedKeys, allowNone);
  await writeLauncher({ ...found, ...(await chosen()) });
  return { path: launcherPath(), level: found.level };
}

/** Has the launcher in place, if there is one, go by the preferences as they are now. */
export async function followPreferences(): Promise<void> {
  const settings = launcherSettings();
  if (settings !== undefined) await writeLauncher({ ...settings, ...(await chosen()) });
}

async function chosen(): Promise<Chosen> {
  const { chosenSettings } = await import('./chosen.js');
  return chosenSettings();
}

async function writeLauncher(settings: Settings): Promise<void> {
  const text = launcherText({ ...origin, settings });
  await replaceFile(launcherPath(), () => Buffer.from(text), { mode: 0o700 });
  // A copy restored from a backup may have lost its mode.
  chmodSync(launcherPath(), 0o700);
}

/** The folders that the launcher and the gate write in. Throws PysyncError `FILE_FAILED`. */
function makeFolders(): void {
  for (const folder of [dataFolder(), `${stateFolder()}/running`, `${stateFolder()}/log`]) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      accessSync(folder, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw fileFailure(error, `make ${printable(folder)}`);
    }
  }
}

/**
 * Whether the launcher in place is as this pysync would make it, as far as that can be seen without
 * trying the sandbox again: it runs this Node and this gate, with the programs that are there.
 */
export function isLauncherCurrent(): boolean {
  const settings = launcherSettings();
  if (settings === undefined) return false;
  const { level, rsync, rsyncStamp: stamp, bwrap, setpriv } = settings;
  const cages = { bubblewrap: [bwrap], landlock: [setpriv], none: [] };
  try {
    for (const path of [launcherPath(), rsync, ...cages[level]]) accessSync(path, constants.X_OK);
    const text = readFileSync(launcherPath(), 'utf8');
    return text === launcherText({ ...origin, settings }) && rsyncStamp(rsync) === stamp;
  } catch {
    return false;
  }
}

/** What the launcher in place was made with; undefined where there is none that can be read. */
export function launcherSettings(): Settings | undefined {
  try {
    const text = readFileSync(launcherPath(), 'utf8');
    const lines = text.split('\n').filter((line) => /^ {2}--[a-z-]+ .* \\$/.test(line));
    const words = lines.flatMap((line) => splitWords(line.slice(0, -2).trim()));
    return parseSettings(words.map((word) => word.text));
  } catch {
    return undefined;
  }
}

/** The Node and the gate that the launcher in place starts; undefined where it cannot be read. */
export function launcherPrograms(): { readonly node: string; readonly main: string } | undefined {
  try {
    const text = readFileSync(launcherPath(), 'utf8');
    const [, ...words] = /^\[ -x (.*) \] && \[ -r (.*) \] \|\| fail$/m.exec(text) ?? [];
    const [node, main] = words.map((word) => splitWords(word)[0]?.text);
    return node === undefined || main === undefined ? undefined : { node, main };
  } catch {
    return undefined;
  }
}
