/**
 * What the launcher tells the gate: facts about this machine that were found out, by trying, when
 * the launcher was made. They stand in the launcher as words, so that reading it is enough.
 */
import { levels } from '../gate/decide.js';
import type { Level } from '../gate/decide.js';

export interface Settings {
  readonly level: Level;
  /** Absolute paths of the programs the level needs. */
  readonly rsync: string;
  readonly sh: string;
  readonly bwrap: string;
  readonly setpriv: string;
  /** `rsyncStamp` of the rsync that was looked at, so that an upgraded one is noticed. */
  readonly rsyncStamp: string;
  readonly dropsDevices: boolean;
  readonly confinesRoot: boolean;
  /** Whether this rsync knows `--fsync`. */
  readonly syncsFiles: boolean;
  /** Files and folders that rsync and sh need to run, for the sandbox. */
  readonly libraries: readonly string[];
  /** Whether this bubblewrap knows `--disable-userns`. */
  readonly disablesUserns: boolean;
  /** A compiled seccomp filter that forbids making devices, fifos and sockets; empty where not needed. */
  readonly seccomp: string;
  /** The folder of the connection logs. */
  readonly state: string;
  /** The folder of the volumes and of their registry. */
  readonly data: string;
  /** The file in which a key's line must still stand. */
  readonly authorizedKeys: string;
  /** How much the logs may take; see rotation.ts. */
  readonly logCount: number;
  readonly logBytes: number;
  readonly logDays: number;
  /** A program of the owner's to run after files have come; empty for none. */
  readonly onReceived: string;
  /** Whether the owner's desktop tells of files that have come. */
  readonly notifies: boolean;
}

const names: Readonly<Record<keyof Settings, string>> = {
  level: '--level',
  rsync: '--rsync',
  sh: '--sh',
  bwrap: '--bwrap',
  setpriv: '--setpriv',
  rsyncStamp: '--rsync-stamp',
  dropsDevices: '--drops-devices',
  confinesRoot: '--confines-root',
  syncsFiles: '--syncs-files',
  libraries: '--libraries',
  disablesUserns: '--disables-userns',
  seccomp: '--seccomp',
  state: '--state',
  data: '--data',
  authorizedKeys: '--authorized-keys',
  logCount: '--log-count',
  logBytes: '--log-bytes',
  logDays: '--log-days',
  onReceived: '--on-received',
  notifies: '--notifies',
};

/**
 * To be raised with every change to what launcher and gate say to each other. An upgrade replaces
 * the gate and leaves the launcher: of another format it serves nobody, instead of taking one word
 * of the plan for another, until `pysync` makes it anew.
 */
const format = ['--format', '2'] as const;

/** The settings as words, in pairs of name and value. */
export function formatSettings(settings: Settings): string[] {
  const words = Object.entries(names).flatMap(([key, name]) => {
    const value: unknown = settings[key as keyof Settings];
    return [name, Array.isArray(value) ? value.join(':') : String(value)];
  });
  return [...format, ...words];
}

/** Reads those words back; throws on any that is missing or unknown. */
export function parseSettings(words: readonly string[]): Settings {
  const values = new Map<string, string>();
  for (let i = 0; i < words.length; i += 2) values.set(words[i] ?? '', words[i + 1] ?? '');
  const [formatName, formatNumber] = format;
  if (values.get(formatName) !== formatNumber)
    throw new Error(`the launcher lacks ${format.join(' ')}`);
  const take = (key: keyof Settings): string => {
    const value = values.get(names[key]);
    if (value === undefined) throw new Error(`the launcher lacks ${names[key]}`);
    return value;
  };
  const flag = (key: keyof Settings): boolean => take(key) === 'true';
  const number = (key: keyof Settings): number => {
    const value = Number(take(key));
    if (!(value > 0)) throw new Error(`the launcher's ${names[key]} is no number`);
    return value;
  };
  const level = levels.find((known) => known === take('level'));
  if (level === undefined) throw new Error('the launcher names no level of confinement');
  return {
    level,
    rsync: take('rsync'),
    sh: take('sh'),
    bwrap: take('bwrap'),
    setpriv: take('setpriv'),
    rsyncStamp: take('rsyncStamp'),
    dropsDevices: flag('dropsDevices'),
    confinesRoot: flag('confinesRoot'),
    syncsFiles: flag('syncsFiles'),
    libraries: take('libraries')
      .split(':')
      .filter((path) => path !== ''),
    disablesUserns: flag('disablesUserns'),
    seccomp: take('seccomp'),
    state: take('state'),
    data: take('data'),
    authorizedKeys: take('authorizedKeys'),
    logCount: number('logCount'),
    logBytes: number('logBytes'),
    logDays: number('logDays'),
    onReceived: take('onReceived'),
    notifies: flag('notifies'),
  };
}
