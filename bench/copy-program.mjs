/**
 * A copy of the built program that every user can read, as the checkout may lie where others must
 * not look.
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const projectFolder = dirname(dirname(fileURLToPath(import.meta.url)));

/** Copies into the folder `target`, which is made, and gives the path of the program in it. */
export function copyProgram(target) {
  const lock = JSON.parse(fs.readFileSync(join(projectFolder, 'package-lock.json'), 'utf8'));
  const packages = Object.keys(lock.packages).filter(
    (path) => path !== '' && !lock.packages[path].dev && fs.existsSync(join(projectFolder, path)),
  );
  for (const name of ['bin', 'dist', 'package.json', ...packages]) {
    fs.cpSync(join(projectFolder, name), join(target, name), { recursive: true });
  }
  execFileSync('chmod', ['-R', 'u+rwX,go=rX', target]);
  return join(target, 'bin/pysync.js');
}
