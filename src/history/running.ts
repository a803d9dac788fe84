/** The transfers that run now, and ending them. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Header } from '../gate/session.js';
import { runningSessions } from '../gate/session.js';
import { stateFolder } from '../system/folders.js';
import { run } from '../system/run.js';

/** The connections whose transfer runs now. */
export function runningTransfers(): Header[] {
  return runningSessions(stateFolder());
}

/**
 * Ends the running transfers of these keys, and returns them. The launcher itself is left to end
 * by itself: it gives the share's mode and time back and closes the log.
 */
export async function endTransfers(fingerprints: ReadonlySet<string>): Promise<Header[]> {
  const meant = (): Header[] => runningTransfers().filter(({ key }) => fingerprints.has(key));
  const ended = meant();
  // A launcher may be between Node's answer and rsync's start, so once is not enough.
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const left = meant();
    if (left.length === 0) break;
    const children = await childrenOf(new Set(left.map(({ pid }) => pid)));
    for (const pid of children) endProcess(pid);
    await wait(50);
  }
  return ended;
}

/** The children of those `parents` that are launchers: a number may have passed to another process. */
async function childrenOf(parents: ReadonlySet<number>): Promise<number[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,args='], {
    purpose: 'find the running transfers',
  });
  const processes = stdout.split('\n').map((line) => {
    const [, pid = '', parent = '', command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return { pid: Number(pid), parent: Number(parent), command };
  });
  const launchers = processes
    .filter(({ pid, command }) => parents.has(pid) && command.includes('/pysync/gate '))
    .map(({ pid }) => pid);
  return processes.filter(({ parent }) => launchers.includes(parent)).map(({ pid }) => pid);
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
