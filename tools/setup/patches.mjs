/**
 * The patches that ssh2 gets, all of patches/ (README.md there says why). Not by a script of the
 * package, since npm may be told not to run those.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from './build.mjs';

/** Applies those that are missing. Where all are there it only compares, which takes milliseconds. */
export function applyPatches({ say, stop }) {
  const wanted = wantedPatches();
  const present = presentPatches();
  if (wanted.length === present.length && isBeginningOf(present, wanted)) return;
  say('patching ssh2 (patch-package)');
  const program = join(projectFolder, 'node_modules/patch-package/index.js');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [program, '--error-on-fail', '--error-on-warn'],
    { cwd: projectFolder, encoding: 'utf8' },
  );
  if (status === 0) return;
  process.stderr.write(`${stdout}${stderr}`);
  stop('the patches for ssh2 could not be applied; remove node_modules and try again');
}

/** Whether ssh2 was patched with something else than patches/ has now; only a new copy helps then. */
export function hasOtherPatches() {
  return !isBeginningOf(presentPatches(), wantedPatches());
}

const isBeginningOf = (some, all) => some.every((patch, index) => patch === all[index]);

/** Name and hash of each patch file, in the order in which patch-package applies them. */
function wantedPatches() {
  const folder = join(projectFolder, 'patches');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.patch'))
    .sort()
    .map((name) => {
      const hash = createHash('sha256').update(readFileSync(join(folder, name)));
      return `${name} ${hash.digest('hex')}`;
    });
}

/** The same from the record that patch-package keeps in the package itself, gone when npm replaces that. */
function presentPatches() {
  try {
    const path = join(projectFolder, 'node_modules/ssh2/.patch-package.json');
    return JSON.parse(readFileSync(path, 'utf8'))
      .patches.filter((patch) => patch.didApply)
      .map((patch) => `${patch.patchFilename} ${patch.patchContentHash}`);
  } catch {
    return [];
  }
}
