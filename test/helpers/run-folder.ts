/**
 * What one run of a vitest project leaves on the machine, and its removal.
 *
 * Everything a test makes outside its own process is either a file below the run's folder, a
 * process that names that folder in its arguments, or written down in the run's ledger before it is
 * made. So the global tear-down can remove all of it, also after a failed test, a crashed worker or
 * a killed vitest (the next run sweeps up after runs whose process is gone).
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf } from '../../src/errors.js';
import { parseMountTable } from '../../src/ready/mount-table.js';
import { changeAccounts, isRoot } from './root.js';

const prefix = 'pysynct-';

/** Things that live outside the run's folder and are removed by name. */
export type LedgerKind = 'user' | 'netns';

export function createRunFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  chmodSync(folder, 0o755);
  for (const name of ['ledger', 'tmp']) mkdirSync(join(folder, name));
  // Every test's process may make folders here, but an ordinary user may only pass through.
  chmodSync(join(folder, 'tmp'), 0o711);
  writeFileSync(join(folder, 'owner'), String(process.pid));
  return folder;
}

export function enterInLedger(folder: string, kind: LedgerKind, name: string): void {
  writeFileSync(join(folder, 'ledger', `${kind}:${name}`), '');
}

export function strikeFromLedger(folder: string, kind: LedgerKind, name: string): void {
  rmSync(join(folder, 'ledger', `${kind}:${name}`), { force: true });
}

/** Ends and removes all that the run made. */
export async function removeRunFolder(folder: string): Promise<void> {
  // The name is checked, because what follows ends processes and removes a tree as root.
  if (!basename(folder).startsWith(prefix)) throw new Error(`${folder} is not a run's folder`);
  await endProcesses((each) => each.commandLine.includes(folder));
  for (const entry of readdirSync(join(folder, 'ledger'))) {
    const [kind, name = ''] = entry.split(':');
    if (kind === 'user') await removeUser(name);
    if (kind === 'netns') spawnSync('ip', ['netns', 'delete', name]);
  }
  unmountBelow(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** Removes what runs left behind whose own process is gone. */
export async function sweepDeadRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(prefix))) {
    try {
      const folder = join(tmpdir(), name);
      const owner = Number(readFileSync(join(folder, 'owner'), 'utf8'));
      if (!isAlive(owner)) await removeRunFolder(folder);
    } catch {
      // Another user's, just being made, or another run sweeps it too.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}

/** Ends the user's processes, then removes the account with its home. */
export async function removeUser(name: string): Promise<void> {
  const uid = Number(spawnSync('id', ['-u', name], { encoding: 'utf8' }).stdout.trim() || 'NaN');
  if (Number.isNaN(uid)) return;
  await endProcesses((each) => each.uid === uid);
  const entry = spawnSync('getent', ['passwd', name], { encoding: 'utf8' }).stdout.split(':');
  unmountBelow(entry[5] ?? '');
  await changeAccounts(['userdel', '--remove', name]);
}

/** Takes away what is mounted at `folder` and below: volumes, also dead ones, and disks of a test's. */
export function unmountBelow(folder: string): void {
  if (!folder.startsWith('/') || folder === '/') return;
  const table = parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8'));
  const places = table.map(({ mountPoint }) => mountPoint).reverse();
  for (const place of places) {
    if (place !== folder && !place.startsWith(`${folder}/`)) continue;
    spawnSync(isRoot ? 'umount' : 'fusermount3', isRoot ? ['-l', place] : ['-u', '-z', place]);
  }
}

/** Ends all processes of a user that a test has made. */
export async function endUser(uid: number): Promise<void> {
  if (uid === 0 || uid === process.getuid?.()) throw new Error('not a user of a test');
  await endProcesses((each) => each.uid === uid);
}

/** Ends a process and all that descend from it, whatever process groups they have made. */
export async function endTree(root: number): Promise<void> {
  const tree = new Set([root]);
  const all = listProcesses();
  for (let size = 0; size < tree.size;) {
    size = tree.size;
    for (const each of all) if (tree.has(each.parent)) tree.add(each.pid);
  }
  await endProcesses((each) => tree.has(each.pid));
}

interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  readonly commandLine: string;
}

/** Kills the processes that match and waits until none is left. */
async function endProcesses(matches: (each: ProcessInfo) => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const left = listProcesses().filter(matches);
    if (left.length === 0) return;
    if (Date.now() > deadline) {
      throw new Error(`processes that do not end: ${left.map((each) => each.pid).join(', ')}`);
    }
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    await delay(10);
  }
}

/** All processes but this one; zombies are left out, since they hold nothing any more. */
function listProcesses(): ProcessInfo[] {
  const columns = ['pid=', 'ppid=', 'uid=', 'stat=', 'command='];
  const { stdout } = spawnSync('ps', ['-A', '-ww', ...columns.flatMap((name) => ['-o', name])], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return stdout.split('\n').flatMap((line) => {
    const words = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    if (words === null) return [];
    const [, pid, parent, uid, state = '', commandLine = ''] = words;
    if (state.startsWith('Z') || Number(pid) === process.pid) return [];
    return [{ pid: Number(pid), parent: Number(parent), uid: Number(uid), commandLine }];
  });
}
