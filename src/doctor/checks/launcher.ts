/** Is the launcher in place, is what it starts still there, and can nobody else change any of it? */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isCurrent, neededBy } from '../../sandbox/sandboxes.js';
import { quoteAll } from '../../gate/quote.js';
import type { Settings } from '../../session/settings.js';
import { settingsFile } from '../../session/settings.js';
import type { OurKey } from '../../keys/authorized-keys.js';
import { importedKeys } from '../../keys/imported.js';
import {
  isLauncherCurrent,
  launcherPath,
  launcherSettings,
  makeLauncher,
  ownScript,
} from '../../launcher/install.js';
import { launcherPrograms } from '../../launcher/programs.js';
import type { Script } from '../../launcher/script.js';
import { dataFolder } from '../../system/folders.js';
import { faultOfProgram } from '../../system/own-program.js';
import { loosePlaces } from '../../system/loose-places.js';
import type { LoosePlace } from '../../system/loose-places.js';
import type { Check, Finding } from '../check.js';
import { ok, problem, warning } from '../finding.js';
import { closeCommand, closePlace } from '../close-place.js';

export const launcher: Check = {
  name: 'launcher',
  run: async () => {
    const { keys } = await importedKeys();
    const path = launcherPath();
    const shut = closed([dataFolder()]);
    if (shut.length > 0) return shut;
    if (!existsSync(path)) {
      if (keys.length === 0) return [ok('none yet; it is made with the first import')];
      return [...otherLaunchers(keys), stale(`${path} is not there, so no peer gets in`)];
    }
    const settings = launcherSettings();
    const programs = launcherPrograms();
    if (programs === undefined) return [stale(`${path} is not as pysync writes it`)];
    if (settings === undefined) {
      return [stale(`${settingsFile(dataFolder())} is not as pysync writes it`)];
    }
    const needed = neededFiles(settings, programs);
    const found = [
      ...missing(needed.executed, constants.X_OK),
      ...missing(needed.read, constants.R_OK),
      ...(await folders(settings)),
      ...otherLaunchers(keys),
      ...idleHook(settings),
      ...loose([...needed.executed, ...needed.read, ...siblings(programs.program), '/usr/bin/env']),
    ];
    if (found.length === 0 && !isLauncherCurrent())
      found.push(outdated(programs, isCurrent(settings)));
    return found.length > 0
      ? found
      : [ok(`${path} is of this version, and all that it starts is there and safe from others`)];
  },
};

interface NeededFiles {
  readonly executed: readonly string[];
  readonly read: readonly string[];
}

function neededFiles(settings: Settings, { node, program }: Script): NeededFiles {
  const { programs, files } = neededBy(settings);
  return {
    executed: [launcherPath(), node, ...programs],
    read: [join(program, 'launcher.sh'), join(program, 'entry.js'), ...files],
  };
}

/** All that is loaded for a transfer. */
function siblings(program: string): string[] {
  return ['session', 'staging', 'sandbox', 'ready', 'gate'].flatMap((room) => {
    const folder = join(program, '..', room);
    return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  });
}

function missing(paths: readonly string[], access: number): Finding[] {
  return paths.flatMap((path) => {
    try {
      accessSync(path, access);
      return [];
    } catch {
      const what = existsSync(path) ? 'cannot be used' : 'is not there any more';
      return [stale(`${path} ${what}, so no peer gets in`)];
    }
  });
}

/** Each transfer starts with a log: where it cannot be written, none starts. */
async function folders({ state }: Settings): Promise<Finding[]> {
  const found = closed([state, `${state}/running`, `${state}/log`]);
  if (!existsSync(state)) return found;
  const { bavail, blocks, ffree, files } = await statfs(state);
  const isFull = blocks > 0 && bavail === 0;
  if (isFull || (files > 0 && ffree === 0)) {
    const what = isFull ? 'is full' : 'has no room for another file (no free inode)';
    const text = `the disk of ${state} ${what}, so no transfer starts`;
    found.push(problem(text, ['free some space: each transfer writes a log there']));
  }
  return found;
}

function closed(paths: readonly string[]): Finding[] {
  return paths.filter(existsSync).flatMap((path) => {
    try {
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
      return [];
    } catch {
      const command = quoteAll(['chmod', '700', path]);
      return [problem(`${path} is closed to you, so no transfer starts`, [command])];
    }
  });
}

function stale(text: string): Finding {
  return problem(text, ['to write the launcher again:', 'pysync doctor --fix'], remake);
}

async function remake(): Promise<string> {
  const { level } = await makeLauncher();
  return `wrote the launcher again; its sandbox: ${level}`;
}

function outdated({ node, program }: Script, isOfNow: boolean): Finding {
  const own = ownScript();
  const isOther = node !== own.node || program !== own.program;
  const text = isOther
    ? `it starts another pysync or Node than this one: ${node} ${program}`
    : isOfNow
      ? 'it was written by another version of pysync'
      : 'rsync was replaced since; the next connection looks at it';
  return warning(text, ['to write it again:', 'pysync doctor --fix'], remake);
}

/** A line names its launcher, so one of an earlier home or XDG_DATA_HOME keeps starting that. */
function otherLaunchers(keys: readonly OurKey[]): Finding[] {
  const others = new Map<string, string[]>();
  for (const { launcher, policy } of keys) {
    if (dirname(launcher) === dataFolder()) continue;
    others.set(launcher, [...(others.get(launcher) ?? []), policy.peer]);
  }
  return [...others].map(([path, peers]) => {
    const who = `the ${peers.length === 1 ? 'key' : 'keys'} of ${peers.join(', ')}`;
    const hints = ['if it is not meant to, import the key again: pysync -i <key>'];
    return existsSync(path)
      ? warning(`${who} starts another launcher: ${path}`, hints)
      : problem(`${who} starts a launcher that is not there: ${path}`, hints);
  });
}

/** Transfers work without it. */
function idleHook({ onReceived }: Settings): Finding[] {
  const fault = onReceived === '' ? undefined : faultOfProgram(onReceived);
  if (fault === undefined) return [];
  const hints = ['fix that, or: pysync config unset on-received'];
  return [warning(`your program on-received is not run: ${onReceived} ${fault}`, hints)];
}

/** Whoever can write one of these decides what a peer's key runs. */
function loose(paths: readonly string[]): Finding[] {
  const places = new Map<string, LoosePlace>();
  for (const path of paths) {
    for (const place of loosePlaces(path)) places.set(place.path, place);
  }
  return [...places.values()].map((place) =>
    problem(
      `${place.path} ${place.how}, who then decide what a peer's key runs`,
      [closeCommand(place)],
      closePlace(place),
    ),
  );
}
