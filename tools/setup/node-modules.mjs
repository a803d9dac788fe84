/**
 * node_modules as package-lock.json and patches/ want it.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from './build.mjs';
import { applyPatches, hasOtherPatches } from './patches.mjs';

/** Runs `npm ci` where packages are not those of the lock file, and patches what it has put there. */
export function installNodeModules({ say, stop }) {
  if (!isInstalled() || hasOtherPatches()) installPackages({ say, stop });
  applyPatches({ say, stop });
}

function installPackages({ say, stop }) {
  say('installing the packages of package-lock.json (npm ci)');
  // --include=dev, because NODE_ENV=production would leave out the compiler.
  const options = ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', ['ci', ...options], {
    cwd: projectFolder,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) stop('npm ci failed; what it said stands above');
}

/**
 * Compares the contents of the lock file with the record npm keeps of what it put in place. Times
 * would not do: a checkout touches the lock file without changing it, and npm writes its record
 * at the very end, so that an interrupted install leaves none.
 */
function isInstalled() {
  const wanted = readLock('package-lock.json');
  const present = readLock('node_modules/.package-lock.json');
  if (wanted === undefined || present === undefined) return false;
  // A package too many would be packed with the one that wants it, if that is bundled.
  if (Object.keys(present).some((path) => wanted[path] === undefined)) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const installed = present[path];
    // npm leaves out what is made for other platforms, all of it optional.
    if (installed === undefined) return entry.optional === true;
    return installed.version === entry.version && installed.integrity === entry.integrity;
  });
}

function readLock(name) {
  try {
    return JSON.parse(readFileSync(join(projectFolder, name), 'utf8')).packages;
  } catch {
    return undefined;
  }
}
