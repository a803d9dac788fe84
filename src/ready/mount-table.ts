/**
 * What is mounted where, as the kernel says it in /proc/self/mountinfo (proc_pid_mountinfo(5)), and
 * whether a share's own volume is what is mounted at its directory.
 */
import { readFileSync, realpathSync, statSync, statfsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface MountEntry {
  readonly id: number;
  /** The `id` of the mount that this one is on. */
  readonly parent: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  readonly mountPoint: string;
  /** Of this mount: `rw`, `nosuid`, … */
  readonly options: readonly string[];
  /** How mounts travel between mount namespaces: `shared:7`, `master:7`. */
  readonly propagation: readonly string[];
  /** `ext4`, `fuse.ext4`, … */
  readonly type: string;
  readonly source: string;
}

/**
 * `mounted`: the image's file system is what one reaches at the path, and it answers. `stale`: it
 * is mounted there, but the program that served it has ended. `hung`: it gave no answer in time.
 * `other`: something else is mounted there.
 */
export type MountState = 'mounted' | 'stale' | 'hung' | 'absent' | 'other';

const answerLimitMs = 5_000;

/** Reads a whole mountinfo file; lines that are not of its form are left out. */
export function parseMountTable(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const words = line.split(' ');
    // The optional fields end with a hyphen of its own; their number varies.
    const end = words.indexOf('-', 6);
    const [id, parent, device, , mountPoint, options] = words;
    const [type, source] = words.slice(end + 1);
    if (end === -1 || device === undefined || mountPoint === undefined) return [];
    if (options === undefined || type === undefined || source === undefined) return [];
    return [
      {
        id: Number(id),
        parent: Number(parent),
        device,
        mountPoint: unescape(mountPoint),
        options: options.split(','),
        propagation: words.slice(6, end),
        type: unescape(type),
        source: unescape(source),
      },
    ];
  });
}

/** What is mounted at `path` itself; of several mounts on top of each other, the uppermost. */
export function mountAt(path: string): MountEntry | undefined {
  const place = realPlace(path);
  const here = readMountTable().filter((entry) => entry.mountPoint === place);
  return here.find((entry) => !here.some((above) => above.parent === entry.id));
}

/** Whether what is mounted at `path` is the image, and answers. */
export async function isMountedFrom(path: string, image: string): Promise<MountState> {
  const entry = mountAt(path);
  if (entry === undefined) return 'absent';
  if (!namesOf(image).includes(imageOf(entry))) return 'other';
  // A kernel mount answers or fails by itself.
  if (entry.type.startsWith('fuse') && !(await answers(path))) return 'hung';
  try {
    // SECURITY: an entry says that it was mounted, not that a path still leads there: a mount on a
    // folder above hides it, and a peer would then write to the bare disk
    // (test/integration/volume/mounts.test.ts).
    if (deviceOf(statSync(path).dev) !== entry.device) return 'other';
    statfsSync(path);
    return 'mounted';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // ECONNABORTED: the answer to the first who asks after the program has ended.
    if (code === 'ENOTCONN' || code === 'ECONNABORTED') return 'stale';
    throw error;
  }
}

/** The file behind a loop device, which is given by its folder in /sys; undefined where none is. */
export function backingFile(device: string): string | undefined {
  try {
    return readFileSync(`${device}/loop/backing_file`, 'utf8').replace(/\n$/, '');
  } catch {
    return undefined;
  }
}

/** An image's path as it was given and as the kernel calls it. */
export function namesOf(image: string): readonly string[] {
  try {
    return [image, realpathSync(image)];
  } catch {
    return [image];
  }
}

function readMountTable(): MountEntry[] {
  return parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8'));
}

function imageOf(entry: MountEntry): string {
  return backingFile(`/sys/dev/block/${entry.device}`) ?? entry.source;
}

/** `path` behind all links, found without asking what is mounted at it, which may not answer. */
function realPlace(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}

/** proc(5): space, tab, line feed and backslash are written as `\` and three octal digits. */
function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

function deviceOf(dev: number): string {
  // makedev(3), as the GNU C library packs 12 and 20 bits.
  const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)];
  return `${major}:${minor}`;
}

/**
 * Whether statfs(2) on `path` ends in time, be it with an error.
 *
 * A program of its own asks. Node asks from a thread, and at its end waits for that thread: a FUSE
 * program that hangs would hang us too, however soon we stopped to listen.
 */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = process
      .getBuiltinModule('node:child_process')
      .spawn('stat', ['--file-system', '--', path], {
        cwd: '/',
        env: { PATH: '/usr/bin:/bin' },
        stdio: 'ignore',
      });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      // It may be one that not even this ends.
      child.unref();
      resolve(false);
    }, answerLimitMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('exit', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
