/**
 * What was found out about this machine, and what its owner prefers: JSON beside the launcher, written
 * by launcher/install.ts.
 */
import { readFileSync } from 'node:fs';
import { runPysync } from '../ready/own-program.js';
import type { Folders } from '../ready/own-program.js';
import type { SandboxSettings } from '../sandbox/sandbox.js';
import { isCurrent, sandboxes } from '../sandbox/sandboxes.js';

/** The owner's choice (`pysync config`). */
export interface Preferences {
  /** How much the logs may take; see rotation.ts. */
  readonly logCount: number;
  readonly logBytes: number;
  readonly logDays: number;
  /** A program of the owner's to run after files have come; empty for none. */
  readonly onReceived: string;
  /** Whether the owner's desktop shows that files have come. */
  readonly notifies: boolean;
}

export interface Stored extends SandboxSettings, Preferences {
  /** The file in which a key's line must still be. */
  readonly authorizedKeys: string;
}

export type Settings = Stored & Folders;

/** As the launcher says where they are. */
export function pysyncFolders(): Folders {
  const { XDG_DATA_HOME: data = '', XDG_STATE_HOME: state = '' } = process.env;
  return { data: `${data}/pysync`, state: `${state}/pysync` };
}

/** To be raised with every change of their meaning: those of another format are found out again. */
const format = 3;

const types: Readonly<Record<keyof Stored, string>> = {
  level: 'string',
  rsync: 'string',
  sh: 'string',
  bwrap: 'string',
  rsyncStamp: 'string',
  dropsDevices: 'boolean',
  confinesRoot: 'boolean',
  syncsFiles: 'boolean',
  libraries: 'array',
  disablesUserns: 'boolean',
  seccomp: 'string',
  authorizedKeys: 'string',
  logCount: 'number',
  logBytes: 'number',
  logDays: 'number',
  onReceived: 'string',
  notifies: 'boolean',
};

export function settingsFile(data: string): string {
  return `${data}/settings.json`;
}

export function formatSettings(settings: Stored): string {
  const known = Object.keys(types).map((name) => [name, settings[name as keyof Stored]]);
  return `${JSON.stringify({ format, ...Object.fromEntries(known) }, undefined, 2)}\n`;
}

/** Undefined where there are none, or none of this format. */
export function readSettings({ data, state }: Folders): Settings | undefined {
  try {
    const read = JSON.parse(readFileSync(settingsFile(data), 'utf8')) as Record<string, unknown>;
    const isWhole = Object.entries(types).every(([name, type]) => kindOf(read[name]) === type);
    if (read['format'] !== format || !isWhole) return undefined;
    if (!Object.hasOwn(sandboxes, String(read['level']))) return undefined;
    return { ...(read as unknown as Stored), data, state };
  } catch {
    return undefined;
  }
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

/**
 * The settings, found out again where something that they name was replaced or moved since, or where
 * pysync was: an upgrade shuts nobody out.
 *
 * SECURITY: where a protection was lost with it, there are none, and this throws
 * (test/integration/session/upgrades.test.ts).
 */
export async function currentSettings(folders: Folders): Promise<Settings> {
  const before = readSettings(folders);
  if (before !== undefined && isCurrent(before)) return before;
  const tools = before === undefined ? [] : [before.rsync, before.bwrap].filter(Boolean);
  await runPysync(folders, 'launcher/renew.js', [], 60_000, tools);
  const now = readSettings(folders);
  if (now === undefined || !isCurrent(now)) throw new Error('no sandbox is known to hold here');
  return now;
}
