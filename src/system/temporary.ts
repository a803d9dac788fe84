/**
 * Folders in the system's folder for temporary files, or in pysync's own. They are gone when pysync ends, whichever way it
 * does: at the end of what they are for, at the end of the process, or, where that was killed, by the
 * next pysync, which sees from the name whose they were.
 */
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dataFolder } from './folders.js';
import { namesIn } from './readable.js';

export interface TemporaryFolder {
  readonly path: string;
  /** Has something elsewhere removed together with the folder. */
  readonly alsoRemove: (path: string) => void;
  readonly remove: () => void;
}

/** Makes a folder of this process's own, mode 0700, in the folder `parent`. */
export function makeTemporaryFolder(parent = tmpdir()): TemporaryFolder {
  sweep(parent);
  const path = mkdtempSync(join(parent, `pysync-${processSpace()}-${processName(process.pid)}-`));
  const paths = [path];
  const removeAll = (): void => {
    // What a tool that was just killed still writes makes it fail at first.
    const options = { recursive: true, force: true, maxRetries: 10 };
    for (const each of paths) rmSync(each, options);
  };
  process.once('exit', removeAll);
  return {
    path,
    alsoRemove: (other) => {
      paths.push(other);
    },
    remove: () => {
      removeAll();
      process.off('exit', removeAll);
    },
  };
}

/** Removes the folders of pysyncs that were killed. */
export function sweepTemporaryFolders(): void {
  for (const parent of [tmpdir(), dataFolder()]) sweep(parent);
}

function sweep(parent: string): void {
  for (const name of namesIn(parent)) {
    const [, space, owner = '', pid] = /^pysync-(\d+)-((\d+)\.\d+)-\w{6}$/.exec(name) ?? [];
    // A process of another container may well live, and cannot be seen from here.
    if (pid === undefined || space !== processSpace() || processName(Number(pid)) === owner)
      continue;
    const path = join(parent, name);
    try {
      // SECURITY: anybody may make a folder of such a name there; only our own are ours to remove
      // (test/integration/commands/interrupt.test.ts).
      const stats = lstatSync(path);
      if (!stats.isDirectory() || stats.uid !== process.geteuid?.()) continue;
      rmSync(path, { recursive: true, force: true, maxRetries: 10 });
    } catch {
      // Another pysync is faster, or a tool still writes: the next one removes it.
    }
  }
}

/** Names a process for good: its number, and when it started; `N.0` where it does not run. */
export function processName(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc(5): the command's name is in brackets and may itself hold any character.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? `${pid}.0` : `${pid}.${fields[19] ?? '0'}`;
  } catch {
    return `${pid}.0`;
  }
}

/** The pid namespace: process numbers mean nothing outside their own. */
function processSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '');
  } catch {
    return '0';
  }
}
