/**
 * dist: when it has to be built again, and the part of the build that tsc does not do.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const stamp = join(projectFolder, 'dist/.built');

/** Builds where dist is missing or was made from other sources than those that are here now. */
export function buildIfStale({ say, stop }) {
  if (readStamp() === fingerprintOfSources()) return;
  say('building (npm run build)');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: projectFolder,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) stop('the build failed; what it said is above');
}

/** The shell scripts, which tsc leaves; and, last, the stamp: an interrupted build counts as none. */
export function finishBuild() {
  const names = readdirSync(join(projectFolder, 'src'), { recursive: true });
  for (const name of names.filter((each) => each.endsWith('.sh'))) {
    const copy = join(projectFolder, 'dist', name);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(join(projectFolder, 'src', name), copy);
  }
  writeFileSync(stamp, fingerprintOfSources());
}

function readStamp() {
  try {
    return readFileSync(stamp, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Names, sizes and times of all that goes into dist. Comparing only the newest time with the
 * stamp's would miss a file that was removed, or replaced by an older one.
 */
function fingerprintOfSources() {
  const sources = readdirSync(join(projectFolder, 'src'), { recursive: true })
    .sort()
    .map((name) => join('src', name));
  const hash = createHash('sha256');
  for (const name of [...sources, 'tools/generate.mjs', 'tsconfig.json', 'package-lock.json']) {
    const { size, mtimeMs } = statSync(join(projectFolder, name));
    hash.update(`${name}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex');
}
