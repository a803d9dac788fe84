/**
 * What a server and all that it starts use: the time of its processor in a control group of its own, or
 * added up where none can be made, and memory.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { endProcesses, memoryOf, processTree, timeOf } from './processes.mjs';

/**
 * Watches the process `pid` and its children. Gives functions for the milliseconds that the processor
 * has worked for them until now, and for the kB that they hold now.
 */
export function watch(pid, undo) {
  const tree = () => processTree(pid);
  return {
    cpu: makeGroup(tree(), undo) ?? addUp(tree),
    anonymous: () => tree().reduce((sum, each) => sum + memoryOf(each).anonymous, 0),
  };
}

/**
 * A clock that looks at the processes often enough to have seen most of what each has used at its end:
 * not every child of theirs hands its time on to its parent.
 */
function addUp(tree) {
  const times = new Map();
  const look = () => {
    for (const pid of tree()) times.set(pid, Math.max(times.get(pid) ?? 0, timeOf(pid)));
  };
  setInterval(look, 50).unref();
  return () => {
    look();
    return [...times.values()].reduce((sum, each) => sum + each, 0);
  };
}

/** The clock of a new control group with the processes in it; undefined where there can be none. */
function makeGroup(pids, undo) {
  for (const { root, clock } of roots()) {
    const group = join(root, `pysync-bench-${randomBytes(4).toString('hex')}`);
    try {
      fs.mkdirSync(group);
    } catch {
      continue; // Not for an ordinary user.
    }
    const members = join(group, 'cgroup.procs');
    undo.push(() => {
      const left = () => fs.readFileSync(members, 'utf8').split('\n').map(Number);
      endProcesses((each) => left().includes(each.pid));
      removeGroup(group);
    });
    for (const pid of pids) fs.writeFileSync(members, String(pid));
    return () => clock(group);
  }
  return undefined;
}

/** Version 2 counts without a controller, version 1 with cpuacct (cgroups(7)). */
function roots() {
  const mounts = fs.readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return mounts.flatMap((line) => {
    const [, root, type, options = ''] = line.split(' ');
    if (type === 'cgroup2') return [{ root, clock: clockOfVersion2 }];
    if (type === 'cgroup' && options.split(',').includes('cpuacct')) {
      return [{ root, clock: clockOfVersion1 }];
    }
    return [];
  });
}

function clockOfVersion2(group) {
  const text = fs.readFileSync(join(group, 'cpu.stat'), 'utf8');
  return Number(/^usage_usec (\d+)/m.exec(text)[1]) / 1e3;
}

function clockOfVersion1(group) {
  return Number(fs.readFileSync(join(group, 'cpuacct.usage'), 'utf8')) / 1e6;
}

/** The kernel lets go of a group a little after its last process has ended. */
function removeGroup(group) {
  for (let tries = 0; tries < 1000; tries += 1) {
    try {
      fs.rmdirSync(group);
      return;
    } catch (error) {
      if (error.code !== 'EBUSY') throw error;
    }
  }
}
