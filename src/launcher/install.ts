/**
 * The launcher and its settings on disk: the one program that the imported keys can start.
 */
import { accessSync, chmodSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Level } from '../sandbox/sandbox.js';
import { isCurrent } from '../sandbox/sandboxes.js';
import type { Preferences, Settings, Stored } from '../session/settings.js';
import { formatSettings, readSettings, settingsFile } from '../session/settings.js';
import { fileFailure } from '../system/failures.js';
import { configFolder, dataFolder, stateFolder } from '../system/folders.js';
import { printable } from '../system/text.js';
import { version } from '../system/version.js';
import { scriptText } from './script.js';
import type { Script } from './script.js';

export function launcherPath(): string {
  return join(dataFolder(), 'launcher');
}

/** What this pysync writes into a launcher. */
export function ownScript(): Script {
  return {
    node: process.execPath,
    program: join(__dirname, '../session'),
    data: dirname(dataFolder()),
    state: dirname(stateFolder()),
    config: dirname(configFolder()),
  };
}

/**
 * Writes the launcher, with the strongest sandbox this machine has.
 *
 * Where the one in place does without, the owner has chosen that before (`confine`) and need not say
 * so again. Throws PysyncError `CONFINEMENT_MISSING`, `RSYNC_TOO_OLD`, `FILE_FAILED`.
 */
export async function makeLauncher(confine?: 'none'): Promise<{ path: string; level: Level }> {
  const allowNone = confine === 'none' || launcherSettings()?.level === 'none';
  makeFolders();
  // Loaded only here: status needs the rest of this file, and not what runs child processes or writes.
  const { findSandbox } = await import('../sandbox/choose.js');
  const { replaceFile } = await import('../system/files.js');
  const found = await findSandbox(dataFolder(), allowNone);
  const authorizedKeys = join(homedir(), '.ssh', 'authorized_keys');
  await writeSettings({ ...found, authorizedKeys, ...(await preferences()) });
  const text = Buffer.from(scriptText(ownScript(), version));
  // Lines of before the launcher was called so start `gate`.
  const earlier = join(dataFolder(), 'gate');
  for (const path of [launcherPath(), ...(existsSync(earlier) ? [earlier] : [])]) {
    await replaceFile(path, () => text, { mode: 0o700 });
    // A copy restored from a backup may have lost its mode.
    chmodSync(path, 0o700);
  }
  return { path: launcherPath(), level: found.level };
}

/** Has the launcher in place, if there is one, follow the preferences as they are now. */
export async function followPreferences(): Promise<void> {
  const settings = launcherSettings();
  if (settings !== undefined) await writeSettings({ ...settings, ...(await preferences()) });
}

async function preferences(): Promise<Preferences> {
  const { chosenSettings } = await import('./chosen.js');
  return chosenSettings();
}

async function writeSettings(settings: Stored): Promise<void> {
  const { replaceFile } = await import('../system/files.js');
  const text = Buffer.from(formatSettings(settings));
  await replaceFile(settingsFile(dataFolder()), () => text, { mode: 0o600 });
}

/** The folders that the launcher and what it starts write in. */
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
 * Whether the launcher in place is as this pysync would write it, as far as that can be seen without
 * trying the sandbox again.
 */
export function isLauncherCurrent(): boolean {
  const settings = launcherSettings();
  if (settings === undefined || !isCurrent(settings)) return false;
  try {
    accessSync(launcherPath(), constants.X_OK);
    return readFileSync(launcherPath(), 'utf8') === scriptText(ownScript(), version);
  } catch {
    return false;
  }
}

/** What the launcher goes by; undefined where there is nothing that can be read. */
export function launcherSettings(): Settings | undefined {
  if (!existsSync(launcherPath())) return undefined;
  return readSettings({ data: dataFolder(), state: stateFolder() });
}
