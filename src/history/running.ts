/** Ends transfers that are running. */
import { setTimeout as wait } from 'node:timers/promises';
import { runningLogs } from '../log/rotation.js';
import type { Header } from '../log/log.js';
import { readHeader, runningSessions } from '../log/log.js';
import { stateFolder } from '../system/folders.js';
import { run } from '../system/run.js';
import { addLine } from './log-files.js';

/**
 * Ends the running transfers of these keys, and returns them. rsync is asked to end, so that it
 * tidies up or keeps a partial file as its client wanted, and is killed where it does not. The launcher
 * itself is left alone: it restores the share's mode and time, and closes the log.
 */
export async function endTransfers(fingerprints: ReadonlySet<string>): Promise<Header[]> {
  const meant = (): Header[] =>
    runningSessions(stateFolder()).filter(({ key }) => fingerprints.has(key));
  const ended = meant();
  noteRevoked(new Set(ended.map(({ pid }) => pid)));
  // A launcher may be between Node's answer and rsync's start, so once is not enough.
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const left = meant();
    if (left.length === 0) break;
    const below = await processesBelow(new Set(left.map(({ pid }) => pid)));
    const isPatient = attempt < 40;
    for (const { pid, command } of below) {
      if (!isPatient) sendSignal(pid, 'SIGKILL');
      else if (/^\S*rsync --server /.test(command)) sendSignal(pid, 'SIGTERM');
    }
    await wait(50);
  }
  return ended;
}

/** So that the history can tell why these ended. */
function noteRevoked(pids: ReadonlySet<number>): void {
  for (const name of runningLogs(stateFolder())) {
    const path = `${stateFolder()}/running/${name}`;
    if (pids.has(readHeader(path)?.pid ?? -1)) addLine(path, '\npysync-revoked');
  }
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** What runs below those `pids` that are launchers: a pid may be another process's by now. */
async function processesBelow(pids: ReadonlySet<number>): Promise<readonly Process[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,args='], {
    purpose: 'find the running transfers',
  });
  const processes = stdout.split('\n').map((line): Process => {
    const [, pid = '', parent = '', command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return { pid: Number(pid), parent: Number(parent), command };
  });
  const found: Process[] = [];
  let parents = processes.filter(
    ({ pid, command }) => pids.has(pid) && /\/pysync\/(?:launcher|gate) /.test(command),
  );
  while (parents.length > 0) {
    const numbers = new Set(parents.map(({ pid }) => pid));
    parents = processes.filter(({ parent }) => numbers.has(parent));
    found.push(...parents);
  }
  return found;
}

function sendSignal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
