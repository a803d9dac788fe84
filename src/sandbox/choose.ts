/**
 * Finds out how well this machine can keep rsync inside a share, by trying it for real.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PysyncError } from '../errors.js';
import { quote } from '../gate/quote.js';
import { printable } from '../system/text.js';
import { findTool, lookForTool } from '../system/tools.js';
import { inspectRsync } from './rsync-facts.js';
import type { SandboxSettings } from './sandbox.js';
import { deviceFilter } from './seccomp.js';
import { tryInSandbox, withTrialShare } from './trial.js';

type Found = Pick<SandboxSettings, 'level' | 'disablesUserns' | 'seccomp'>;
type Machine = Omit<SandboxSettings, keyof Found>;

/**
 * The strongest sandbox that was seen to hold. `none` is taken only on the owner's word (`allowNone`)
 * and needs an rsync with protections of its own. What is made for the trials, and what the settings
 * name, is written into `folder`.
 *
 * Throws PysyncError `CONFINEMENT_MISSING`, with why none holds and how to fix it.
 */
export async function findSandbox(folder: string, allowNone: boolean): Promise<SandboxSettings> {
  const rsync = findTool('rsync');
  const sh = '/bin/sh';
  const machine: Machine = {
    rsync,
    sh,
    bwrap: lookForTool('bwrap') ?? '',
    ...inspectRsync(rsync, sh),
  };
  const found = await tryBubblewrap(machine, folder);
  if (typeof found !== 'string') return { ...machine, ...found };
  if (allowNone) return { ...machine, ...withoutSandbox(machine) };
  throw new PysyncError(
    'CONFINEMENT_MISSING',
    'this machine has no sandbox that could keep a peer inside the share',
    { hints: [found, ...fixes()] },
  );
}

async function tryBubblewrap(machine: Machine, folder: string): Promise<Found | string> {
  if (process.platform !== 'linux') return 'bubblewrap: only on Linux';
  if (machine.bwrap === '') return 'bubblewrap: not installed';
  const seccomp = machine.dropsDevices ? '' : writeFilter(folder);
  if (seccomp === undefined) {
    return 'bubblewrap: rsync is older than 3.5.0 and this processor has no filter against devices';
  }
  let reason = '';
  for (const disablesUserns of [true, false]) {
    const found: Found = { level: 'bubblewrap', disablesUserns, seccomp };
    reason = await probe({ ...machine, ...found }, folder);
    if (reason === '') return found;
  }
  return `bubblewrap: ${reason}`;
}

function withoutSandbox(machine: Machine): Found {
  if (!machine.confinesRoot || !machine.dropsDevices) {
    throw new PysyncError('RSYNC_TOO_OLD', 'without a sandbox, rsync 3.5.0 or newer is needed', {
      hints: ['install a newer rsync, or bubblewrap'],
    });
  }
  return { level: 'none', disablesUserns: false, seccomp: '' };
}

/**
 * Runs the sandbox over a share of its own. Empty if rsync starts, the share can be written, and
 * neither a file beside the share nor one of the system's can be read or written; else the reason.
 * The doctor tries more (escape.ts).
 */
async function probe(settings: SandboxSettings, parent: string): Promise<string> {
  return withTrialShare(parent, settings, async ({ folder, session, root }) => {
    writeFileSync(join(folder, 'beside'), 'secret');
    const beside = quote(join(folder, 'beside'));
    const script = [
      `${quote(settings.rsync)} --version >/dev/null || exit 3`,
      `echo in >${quote(`${root}/written`)} || exit 4`,
      `for file in ${beside} /etc/passwd; do (: <"$file") 2>/dev/null && exit 5; done`,
      `(: >${quote(join(folder, 'escaped'))}) 2>/dev/null && exit 6`,
      'echo confined',
    ].join('\n');
    const result = await tryInSandbox(settings, session, [settings.sh, '-c', script]);
    return judge(result, join(session.share, 'written'));
  });
}

function judge(result: { exitCode: number; stdout: string; stderr: string }, file: string): string {
  if (result.exitCode === 0 && result.stdout === 'confined\n') {
    return readFileSync(file, 'utf8') === 'in\n' ? '' : 'what was written did not arrive';
  }
  const [line = ''] = result.stderr.trim().split('\n');
  if (line !== '') return printable(line.slice(0, 200));
  return `it does not hold (probe ended with ${result.exitCode})`;
}

/** The filter's file; undefined where there is none for this processor. */
function writeFilter(folder: string): string | undefined {
  const filter = deviceFilter(process.arch);
  if (filter === undefined) return undefined;
  const path = join(folder, 'mknod.bpf');
  writeFileSync(path, filter, { mode: 0o600 });
  return path;
}

/** What helps where bubblewrap is not there, or cannot start anything. */
export const bubblewrapFixes: readonly string[] = [
  'to fix it: sudo apt-get install bubblewrap',
  'if it is installed, user namespaces are switched off; on Ubuntu 24.04 its AppArmor profile is',
  'missing (sudo apt-get install apparmor-profiles), elsewhere try:',
  '  sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000',
];

function fixes(): string[] {
  if (process.platform !== 'linux') {
    return [
      'there is none for this system yet; with rsync 3.5.0 or newer you can choose to go without:',
      'add --confine none, and read docs/security.md on what that gives up',
    ];
  }
  return [...bubblewrapFixes];
}
