/**
 * Finds out how well this machine can keep rsync inside a share, by trying each level for real,
 * strongest first.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PysyncError } from '../errors.js';
import { bubblewrapArguments, landlockArguments } from '../gate/confine.js';
import { inspectRsync } from '../gate/inspect.js';
import { quote } from '../gate/quote.js';
import type { Settings } from '../gate/settings.js';
import type { Chosen } from './chosen.js';
import { dataFolder, stateFolder } from '../system/folders.js';
import { run } from '../system/run.js';
import { printable } from '../system/text.js';
import { findTool, lookForTool } from '../system/tools.js';
import { deviceFilter } from './seccomp.js';

/** What is found out about the machine; the rest of the settings is the owner's choice. */
type Confinement = Omit<Settings, keyof Chosen>;

type Machine = Omit<Confinement, 'level' | 'disablesUserns' | 'seccomp' | 'authorizedKeys'>;

/**
 * The settings for the launcher, with the strongest level that was seen to hold. `none` is taken
 * only on the owner's word (`allowNone`) and needs an rsync with protections of its own.
 *
 * Throws PysyncError `CONFINEMENT_MISSING`, with why each level failed and how to mend it.
 */
export async function findConfinement(
  authorizedKeys: string,
  allowNone: boolean,
): Promise<Confinement> {
  const rsync = findTool('rsync');
  const sh = '/bin/sh';
  const machine: Machine = {
    rsync,
    sh,
    bwrap: lookForTool('bwrap') ?? '',
    setpriv: lookForTool('setpriv') ?? '',
    state: stateFolder(),
    data: dataFolder(),
    ...inspectRsync(rsync, sh),
  };
  const reasons: string[] = [];
  for (const attempt of [tryBubblewrap, tryLandlock]) {
    const result = await attempt(machine);
    if (typeof result !== 'string') return { ...machine, ...result, authorizedKeys };
    reasons.push(result);
  }
  if (allowNone) return { ...machine, ...withoutSandbox(machine), authorizedKeys };
  throw new PysyncError(
    'CONFINEMENT_MISSING',
    'this machine has no sandbox that could keep a peer inside the share',
    { hints: [...reasons, ...mendings()] },
  );
}

type Found = Pick<Settings, 'level' | 'disablesUserns' | 'seccomp'>;

async function tryBubblewrap(machine: Machine): Promise<Found | string> {
  if (process.platform !== 'linux') return 'bubblewrap: only on Linux';
  if (machine.bwrap === '') return 'bubblewrap: not installed';
  const seccomp = machine.dropsDevices ? '' : writeFilter();
  if (seccomp === undefined) {
    return 'bubblewrap: rsync is older than 3.5.0 and this processor has no filter against devices';
  }
  let reason = '';
  for (const disablesUserns of [true, false]) {
    const found: Found = { level: 'bubblewrap', disablesUserns, seccomp };
    const settings = { ...machine, ...found };
    reason = await probe(machine, seccomp, (session) => ({
      command: [machine.bwrap, ...bubblewrapArguments(settings, session)],
      root: '/share',
    }));
    if (reason === '') return found;
  }
  return `bubblewrap: ${reason}`;
}

async function tryLandlock(machine: Machine): Promise<Found | string> {
  if (process.platform !== 'linux') return 'Landlock: only on Linux';
  if (machine.setpriv === '') return 'Landlock: setpriv (util-linux) is not installed';
  const reason = await probe(machine, '', (session) => ({
    command: [machine.setpriv, ...landlockArguments(machine, session)],
    root: session.share,
  }));
  return reason === ''
    ? { level: 'landlock', disablesUserns: false, seccomp: '' }
    : `Landlock: ${reason}`;
}

function withoutSandbox(machine: Machine): Found {
  if (!machine.confinesRoot || !machine.dropsDevices) {
    throw new PysyncError('RSYNC_TOO_OLD', 'without a sandbox, rsync 3.5.0 or newer is needed', {
      hints: ['install a newer rsync, or bubblewrap'],
    });
  }
  return { level: 'none', disablesUserns: false, seccomp: '' };
}

interface Probe {
  readonly command: readonly string[];
  /** Where the sandbox shows the share. */
  readonly root: string;
}

/**
 * Runs the sandbox over a share of its own. Empty if rsync starts, the share can be written, and
 * neither a file beside the share nor one of the system's can be read or written; else the reason.
 */
async function probe(
  machine: Machine,
  seccomp: string,
  cage: (session: { share: string; log: string; readOnly: boolean }) => Probe,
): Promise<string> {
  const folder = mkdtempSync(join(dataFolder(), 'probe-'));
  try {
    const share = join(folder, 'share');
    mkdirSync(share);
    writeFileSync(join(folder, 'log'), '');
    writeFileSync(join(folder, 'beside'), 'secret');
    const { command, root } = cage({ share, log: join(folder, 'log'), readOnly: false });
    const beside = quote(join(folder, 'beside'));
    const script = [
      `${quote(machine.rsync)} --version >/dev/null || exit 3`,
      `echo in >${quote(`${root}/written`)} || exit 4`,
      `for file in ${beside} /etc/passwd; do (: <"$file") 2>/dev/null && exit 5; done`,
      `(: >${quote(join(folder, 'escaped'))}) 2>/dev/null && exit 6`,
      'echo confined',
    ].join('\n');
    const words = [...command, '--', machine.sh, '-c', script];
    const redirect = seccomp === '' ? '' : ` 9<${quote(seccomp)}`;
    const result = await run('sh', ['-c', `"$@"${redirect}`, 'sh', ...words], {
      purpose: 'try the sandbox',
      expectExit: Array.from({ length: 256 }, (_, status) => status),
      timeoutMs: 20_000,
    });
    return judge(result, join(share, 'written'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
function writeFilter(): string | undefined {
  const filter = deviceFilter(process.arch);
  if (filter === undefined) return undefined;
  const path = join(dataFolder(), 'mknod.bpf');
  writeFileSync(path, filter, { mode: 0o600 });
  return path;
}

function mendings(): string[] {
  if (process.platform !== 'linux') {
    return [
      'there is none for this system yet; with rsync 3.5.0 or newer you can choose to go without:',
      'add --confine none, and read docs/security.md on what that gives up',
    ];
  }
  return [
    'to mend it: sudo apt-get install bubblewrap',
    'if it is installed, user namespaces are switched off; on Ubuntu 24.04 its AppArmor profile is',
    'missing (sudo apt-get install apparmor-profiles), elsewhere try:',
    '  sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000',
  ];
}
