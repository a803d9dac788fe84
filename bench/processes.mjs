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
            parent: Number(field(status, 'PPid')),
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

/** A process and all that descend from it. */
export function processTree(pid) {
  const all = listProcesses();
  const tree = [pid];
  for (const parent of tree) {
    tree.push(...all.filter((each) => each.parent === parent).map((each) => each.pid));
  }
  return tree;
}

/**
 * Proportional and resident set size in kB: what a process has alone plus its part of the rest; and
 * what of the former holds no file.
 */
export function memoryOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const [pss, rss, anonymous] = ['Pss', 'Rss', 'Pss_Anon'].map((name) =>
      Number(field(text, name)),
    );
    return { pss, rss, anonymous };
  } catch {
    return { pss: 0, rss: 0, anonymous: 0 };
  }
}

/** Milliseconds that a processor has worked for a process. */
export function timeOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // utime and stime of proc_pid_stat(5), in ticks of which a second has 100.
    const [user, system] = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    return (Number(user) + Number(system)) * 10;
  } catch {
    return 0;
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
