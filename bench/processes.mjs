/**
 * The processes of this machine, as /proc has them.
 */
import { readdirSync, readFileSync } from 'node:fs';

export function listProcesses() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/status`, 'utf8');
        if (/^State:\s+[ZX]/m.test(status)) return [];
        return [
          {
            pid: Number(name),
            name: field(status, 'Name'),
            uid: Number(field(status, 'Uid')),
            commandLine: readFileSync(`/proc/${name}/cmdline`, 'utf8'),
          },
        ];
      } catch {
        return []; // It ended while it was looked at.
      }
    });
}

/** Proportional and resident set size in kB: what a process has alone plus its part of the rest. */
export function memoryOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return { pss: Number(field(text, 'Pss')), rss: Number(field(text, 'Rss')) };
  } catch {
    return { pss: 0, rss: 0 };
  }
}

/** Kills the processes that match until none is left. */
export function endProcesses(matches) {
  for (let tries = 0; tries < 1000; tries += 1) {
    const left = listProcesses().filter(matches);
    if (left.length === 0) return;
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
  }
}

function field(text, name) {
  return new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(text)?.[1] ?? '';
}
