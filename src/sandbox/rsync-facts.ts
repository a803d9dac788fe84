/**
 * What has to be known of the installed rsync: found out when the launcher is made, and once more
 * by the gate when rsync was upgraded since.
 */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Settings } from '../session/settings.js';

export interface RsyncFacts {
  readonly rsyncStamp: string;
  readonly dropsDevices: boolean;
  readonly confinesRoot: boolean;
  readonly syncsFiles: boolean;
  readonly libraries: readonly string[];
}

/** Runs `rsync --help` and `ldd`; throws where either fails. */
export function inspectRsync(rsync: string, sh: string): RsyncFacts {
  const help = output(rsync, ['--help']);
  return {
    rsyncStamp: rsyncStamp(rsync),
    dropsDevices: /^\s*--drop-D\b/m.test(help),
    confinesRoot: /^\s*--confine-root\b/m.test(help),
    syncsFiles: /^\s*--fsync\b/m.test(help),
    libraries: process.platform === 'linux' ? librariesOf([rsync, sh]) : [],
  };
}

/** Changes whenever the file behind `path` is another one. */
export function rsyncStamp(path: string): string {
  const { ino, size, mtimeMs } = statSync(path);
  return `${ino}-${size}-${Math.floor(mtimeMs)}`;
}

/**
 * The settings, with rsync's facts found out anew where it is not the one they are about.
 *
 * SECURITY: an older rsync than before may lack a protection that the launcher was made to rely on:
 * it serves nobody until the launcher is made anew (test/integration/sandbox/choose.test.ts).
 */
export function withCurrentRsync(settings: Settings): Settings {
  if (rsyncStamp(settings.rsync) === settings.rsyncStamp) return settings;
  const now = { ...settings, ...inspectRsync(settings.rsync, settings.sh) };
  const { level, seccomp, dropsDevices, confinesRoot } = now;
  const lacksDrop = !dropsDevices && seccomp === '' && level !== 'landlock';
  if (lacksDrop || (!confinesRoot && level === 'none')) throw new Error('rsync lost a protection');
  return now;
}

/** The shared libraries and the loader that `programs` need, and what iconv and the locale read. */
function librariesOf(programs: readonly string[]): string[] {
  const found = new Set<string>();
  for (const program of programs) {
    // A static program has none; ldd says so and fails.
    for (const [path] of lddOutput(program).matchAll(/\/[^\s:()]+/g)) {
      if (path !== program && existsSync(path)) found.add(path);
    }
  }
  const libc = [...found].find((path) => path.includes('/libc.so'));
  const data = ['/usr/lib/locale/C.utf8'];
  if (libc !== undefined) data.push(`${dirname(libc)}/gconv`);
  return [...found, ...data.filter((path) => existsSync(path))];
}

function lddOutput(program: string): string {
  try {
    return output('ldd', [program]);
  } catch {
    return '';
  }
}

function output(program: string, args: readonly string[]): string {
  return process.getBuiltinModule('node:child_process').execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin', LC_ALL: 'C' },
    timeout: 10_000,
  });
}
