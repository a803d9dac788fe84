/**
 * The file that a running transfer is at. rsync's log names a file once it is whole, so this looks at
 * what rsync's processes have open. It costs the transfer nothing, but needs /proc: without it, as on
 * macOS, only whole files are seen.
 */
import { readlinkSync, statSync } from 'node:fs';
import type { Header } from '../log/log.js';
import { namesIn, readLines } from '../system/readable.js';

export interface CurrentFile {
  /** Its path in the share. */
  readonly name: string;
  /** How far rsync is in it, in bytes. */
  readonly position: number;
  /** Its length; a receiver does not know that before the end. */
  readonly size: number | undefined;
}

/** Undefined between two files, and where nothing can be seen. */
export function currentFile(header: Header): CurrentFile | undefined {
  if (header.direction === 'none') return undefined;
  for (const pid of processesBelow(header.pid)) {
    for (const descriptor of namesIn(`/proc/${pid}/fd`)) {
      const file = openFile(pid, descriptor, header);
      if (file !== undefined) return file;
    }
  }
  return undefined;
}

/** The rsyncs come last, and there are few processes above them. */
function processesBelow(pid: number): number[] {
  const found: number[] = [];
  for (let parents = [pid]; parents.length > 0;) {
    parents = parents.flatMap((parent) =>
      readLines(`/proc/${parent}/task/${parent}/children`)
        .flatMap((line) => line.split(' '))
        .filter(Boolean)
        .map(Number),
    );
    found.push(...parents);
  }
  return found;
}

// As in fcntl.h, octal in fdinfo.
const accessMode = 3;
const notAFile = 0o10200000; // O_PATH and O_DIRECTORY

function openFile(pid: number, descriptor: string, header: Header): CurrentFile | undefined {
  const link = `/proc/${pid}/fd/${descriptor}`;
  const path = placeOf(link, header.share);
  if (path === undefined) return undefined;
  const info = readLines(`/proc/${pid}/fdinfo/${descriptor}`).join('\n');
  const flags = Number.parseInt(/^flags:\s*(\d+)$/m.exec(info)?.[1] ?? '', 8);
  const position = Number(/^pos:\s*(\d+)$/m.exec(info)?.[1]);
  if (Number.isNaN(flags) || Number.isNaN(position) || (flags & notAFile) !== 0) return undefined;
  const isPush = header.direction === 'push';
  // A receiver reads what it has of a file already, and writes the new one.
  if (isPush !== ((flags & accessMode) !== 0)) return undefined;
  if (isPush) return { name: finalName(path, header), position, size: undefined };
  return { name: path, position, size: sizeOf(link) };
}

/** Where in the share a link of /proc leads: the sandbox shows the share as `/share`. */
function placeOf(link: string, share: string): string | undefined {
  try {
    const path = readlinkSync(link);
    const root = ['/share/', '/session/', `${share}/`].find((folder) => path.startsWith(folder));
    return root === undefined ? undefined : path.slice(root.length);
  } catch {
    return undefined;
  }
}

/**
 * rsync writes `name.XXXXXX` in the session's own folder, or continues a part there; only the end tells
 * in which folder of the transfer it belongs. What is written in place has its own name.
 */
function finalName(path: string, { place, finish }: Header): string {
  const own = finish === undefined ? undefined : path.replace(`${finish.folder}/`, '');
  const [, kind, name = ''] = /^(tmp|parts)\/([^/]*)$/.exec(own ?? '') ?? [];
  if (kind === undefined) return path;
  const folder = place.endsWith('/') ? place.replace(/^[./]+/, '') : '';
  return folder + (kind === 'tmp' ? name.replace(/\.[A-Za-z0-9]{6}$/, '') : name);
}

function sizeOf(link: string): number | undefined {
  try {
    return statSync(link).size;
  } catch {
    return undefined;
  }
}
