/** The sandboxes there are, and what they have in common. */
import { accessSync, constants, statSync } from 'node:fs';
import type { Abilities } from '../gate/decide.js';
import { bubblewrap } from './bubblewrap.js';
import { none } from './none.js';
import type { Level, Sandbox, SandboxSession, SandboxSettings } from './sandbox.js';

export const sandboxes: Readonly<Record<Level, Sandbox>> = { bubblewrap, none };

/** What the decision has to know. */
export function abilitiesOf(settings: SandboxSettings, share: string): Abilities {
  const { hidesOutside, view } = sandboxes[settings.level];
  return {
    hidesOutside,
    root: view({ share, readOnly: false, log: '' }).root,
    dropsDevices: settings.dropsDevices,
    // Of no use where nothing else is there, and rsync 3.5.0 could not open its log with it.
    confinesRoot: settings.confinesRoot && !hidesOutside,
  };
}

/** The words that run `program` as every transfer runs. */
export function sandboxed(
  settings: SandboxSettings,
  session: SandboxSession,
  program: readonly string[],
): string[] {
  return sandboxes[settings.level].command(settings, session, program);
}

/** All files that have to be there for the sandbox to start, programs and others. */
export function neededBy(settings: SandboxSettings): { programs: string[]; files: string[] } {
  const { level, rsync, sh, libraries, seccomp } = settings;
  return {
    programs: [rsync, sh, ...sandboxes[level].programs(settings)],
    files: [...libraries, ...(seccomp === '' ? [] : [seccomp])],
  };
}

/** Changes whenever the file behind `path` is another one. */
export function stampOf(path: string): string {
  const { ino, size, mtimeMs } = statSync(path);
  return `${ino}-${size}-${Math.floor(mtimeMs)}`;
}

/** Whether all of it is there, and rsync is the one that was looked at. */
export function isCurrent(settings: SandboxSettings): boolean {
  const { programs, files } = neededBy(settings);
  try {
    for (const path of programs) accessSync(path, constants.X_OK);
    for (const path of files) accessSync(path, constants.R_OK);
    return stampOf(settings.rsync) === settings.rsyncStamp;
  } catch {
    return false;
  }
}
