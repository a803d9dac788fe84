/** What has to be known of the installed rsync. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SandboxSettings } from './sandbox.js';
import { stampOf } from './sandboxes.js';

type RsyncFacts = Pick<
  SandboxSettings,
  'rsyncStamp' | 'dropsDevices' | 'confinesRoot' | 'syncsFiles' | 'libraries'
>;

/** Runs `rsync --help` and `ldd`; throws where either fails. */
export function inspectRsync(rsync: string, sh: string): RsyncFacts {
  const help = output(rsync, ['--help']);
  return {
    rsyncStamp: stampOf(rsync),
    dropsDevices: /^\s*--drop-D\b/m.test(help),
    confinesRoot: /^\s*--confine-root\b/m.test(help),
    syncsFiles: /^\s*--fsync\b/m.test(help),
    libraries: process.platform === 'linux' ? librariesOf([rsync, sh]) : [],
  };
}

/** The shared libraries and the loader that `programs` need, and what iconv and the locale read. */
export function librariesOf(programs: readonly string[]): string[] {
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
