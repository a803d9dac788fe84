/**
 * Once for each project of vitest: checks that the tools are there, and copies the built program to
 * a place where an ordinary user can run it (a checkout often lies in a home nobody else may enter).
 */
import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, cpSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { lookForTool } from '../../src/system/tools.js';
import { isRoot } from './root.js';
import { createRunFolder, removeRunFolder, sweepDeadRuns } from './run-folder.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder that holds all this run makes; see run-folder.ts. */
    runFolder: string;
    /** The node binary that an ordinary user can execute. */
    node: string;
    /** The folder of the program's copy: bin, dist, node_modules, package.json. */
    program: string;
  }
}

const projectFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const neededEverywhere = ['rsync', 'ssh', 'ssh-keygen', 'sshd'];
const neededAsRoot = ['useradd', 'userdel', 'flock', 'setpriv', 'ip'];

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  checkTools();
  if (!isRoot) {
    console.warn(
      '\nThese tests run as an ordinary user. Those that need root will fail and say so;\n' +
        'to run them as well: sudo npm test\n',
    );
  }
  await sweepDeadRuns();
  const runFolder = createRunFolder();
  const program = join(runFolder, 'program');
  try {
    copyProgram(program);
    project.provide('runFolder', runFolder);
    project.provide('program', program);
    project.provide('node', nodeForEverybody(runFolder));
  } catch (error) {
    await removeRunFolder(runFolder);
    throw error;
  }
  return () => removeRunFolder(runFolder);
}

/** A missing tool is an error and no reason to skip: a test that did not run proves nothing. */
function checkTools(): void {
  const needed = [
    ...neededEverywhere,
    ...(process.platform === 'linux' ? ['bwrap'] : []),
    ...(isRoot ? neededAsRoot : []),
  ];
  const missing = needed.filter((tool) => lookForTool(tool) === undefined);
  if (missing.length > 0) {
    throw new Error(
      `not installed: ${missing.join(', ')}; node tools/setup.mjs --test installs them`,
    );
  }
  if (!existsSync(join(projectFolder, 'dist'))) {
    throw new Error('there is no dist to test; npm run build makes it');
  }
}

function copyProgram(target: string): void {
  for (const name of ['bin', 'dist', 'package.json', ...productionPackages()]) {
    cpSync(join(projectFolder, name), join(target, name), { recursive: true });
  }
  // The checkout may have been made with a umask that keeps others out.
  const { status } = spawnSync('chmod', ['--recursive', 'u+rwX,go=rX', target]);
  if (status !== 0) throw new Error(`could not open ${target} to everybody`);
}

/** Folders of the packages that are installed with pysync, as package-lock.json marks them. */
function productionPackages(): string[] {
  const lock = JSON.parse(readFileSync(join(projectFolder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path !== '' && entry.dev !== true && entry.devOptional !== true)
    .map(([path]) => path)
    .filter((path) => existsSync(join(projectFolder, path)));
}

/** Node itself where others can reach it, else a copy: version managers keep it in one's home. */
function nodeForEverybody(runFolder: string): string {
  const probe = spawnSync('setpriv', [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    'test',
    '-x',
    process.execPath,
  ]);
  if (!isRoot || probe.status === 0) return process.execPath;
  const copy = join(runFolder, 'node');
  cpSync(process.execPath, copy);
  chmodSync(copy, 0o755);
  accessSync(copy, constants.X_OK);
  return copy;
}
