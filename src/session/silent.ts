/**
 * A sender that has gone without a word (another network, a sleeping laptop) leaves its session
 * behind until TCP gives up, which can take hours. When the same key comes back to the same place,
 * the older session is ended if it has been silent; so its part can be continued.
 */
import { appendFileSync, existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isAlive, runningLogs } from '../log/rotation.js';
import type { Header } from '../log/log.js';
import { readHeader } from '../log/log.js';

/** Milliseconds without a byte after which a session counts as silent. */
export const silentMs = 30_000;

/** How long an ended session may take to tidy up, in milliseconds. */
const endMs = 10_000;

/** Ends the silent pushes of this key to this place, and waits for their end. */
export async function endSilentSessions(
  state: string,
  { key, share, place }: Pick<Header, 'key' | 'share' | 'place'>,
): Promise<void> {
  for (const name of runningLogs(state)) {
    const log = `${state}/running/${name}`;
    const header = readHeader(log);
    if (header?.direction !== 'push' || header.key !== key || header.share !== share) continue;
    if (header.place !== place || !isAlive(header.pid) || !isLauncher(header.pid)) continue;
    // One that has just ended is not there any more; it would be written again here.
    if (!existsSync(log) || quietMs(log, header) < silentMs || (await isReading(header.pid)))
      continue;
    appendFileSync(log, '\npysync-lost\n');
    await endSession(header.pid);
  }
}

/** For how long nothing of a push has come to the disk, in milliseconds. */
export function quietMs(log: string, { share, finish }: Pick<Header, 'share' | 'finish'>): number {
  const folder = finish === undefined ? [] : filesIn(`${share}/${finish.folder}`);
  const newest = Math.max(...[log, ...folder].map(timeOf));
  return Date.now() - newest;
}

function filesIn(folder: string): string[] {
  return ['tmp', 'parts'].flatMap((kind) => {
    try {
      const names = readdirSync(`${folder}/${kind}`, { encoding: 'buffer' });
      return names.map((name) => `${folder}/${kind}/${name.toString()}`);
    } catch {
      return [];
    }
  });
}

function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Whether its processes read anything within two seconds; true where that cannot be seen. */
async function isReading(pid: number): Promise<boolean> {
  const read = (): number[] => processesBelow(pid).map(bytesRead);
  const before = read();
  await wait(2_000);
  const after = read();
  return before.length !== after.length || before.some((bytes, i) => bytes !== after[i]);
}

/** After a reboot, the number of one that was cut off can be any process of the account. */
function isLauncher(pid: number): boolean {
  return /\/pysync\/(?:launcher|gate)\0/.test(readText(`/proc/${pid}/cmdline`));
}

/** `rchar` of proc_pid_io(5): what it has read, from the connection too. */
function bytesRead(pid: number): number {
  return Number(/^rchar: (\d+)$/m.exec(readText(`/proc/${pid}/io`))?.[1] ?? Number.NaN);
}

async function endSession(launcher: number): Promise<void> {
  for (let waited = 0; waited < endMs && isAlive(launcher); waited += 50) {
    for (const pid of processesBelow(launcher)) {
      const isRsync = /^[^\0]*rsync\0--server\0/.test(readText(`/proc/${pid}/cmdline`));
      // As it is asked to end, it keeps its part.
      if (waited > endMs / 2) signal(pid, 'SIGKILL');
      else if (isRsync) signal(pid, 'SIGTERM');
    }
    await wait(50);
  }
}

/** The processes below this one, by /proc: elsewhere none are seen. */
function processesBelow(pid: number): number[] {
  const found: number[] = [];
  for (let parents = [pid]; parents.length > 0;) {
    parents = parents.flatMap((parent) =>
      readText(`/proc/${parent}/task/${parent}/children`).split(' ').filter(Boolean).map(Number),
    );
    found.push(...parents);
  }
  return found;
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
