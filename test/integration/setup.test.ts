/**
 * tools/setup.mjs, in a copy of the project of its own. Tools are made missing in a mount namespace
 * (bubblewrap), where also the user can be root or not; apt-get, sudo and npm are scripts that
 * write down how they were called.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { appendFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { findTool } from '../../src/system/tools.js';
import { exec, mustExec } from '../helpers/exec.js';
import type { ExecResult } from '../helpers/exec.js';
import { createTemporaryFolder } from '../helpers/tmp.js';

const checkout = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

let project: string;
let stubs: string;

beforeEach(async () => {
  const folder = createTemporaryFolder().path;
  project = join(folder, 'project');
  stubs = join(folder, 'stubs');
  mkdirSync(stubs);
  for (const name of [
    'bin',
    'patches',
    'src',
    'tools',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
  ]) {
    cpSync(join(checkout, name), join(project, name), { recursive: true });
  }
  for (const record of [
    'node_modules/.package-lock.json',
    'node_modules/ssh2/.patch-package.json',
  ]) {
    cpSync(join(checkout, record), join(project, record));
  }
  await mustExec([process.execPath, join(project, 'tools/setup.mjs'), '--finish-build']);
});

/** Stands a script in for a tool; it notes its arguments, then does what `script` says. */
function stub(name: string, script = ''): void {
  const path = join(stubs, name);
  writeFileSync(path, `#!/bin/sh\necho ${name} "$@" >> ${stubs}/calls\n${script}\n`);
  chmodSync(path, 0o755);
}

function calls(): string[] {
  const path = join(stubs, 'calls');
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
}

/** Runs the set-up without sbin in PATH, as `uid`, where the tools in `hidden` are not there. */
function runSetup({
  uid = 1000,
  hidden = [] as string[],
  emptied = [] as string[],
  args = [] as string[],
} = {}): Promise<ExecResult> {
  const hide = hidden.flatMap((name) => ['--ro-bind', '/dev/null', findTool(name)]);
  const empty = emptied.flatMap((folder) => ['--tmpfs', folder]);
  const command = [process.execPath, join(project, 'tools/setup.mjs'), ...args];
  return exec(
    [
      ...['bwrap', '--dev-bind', '/', '/', ...hide, ...empty],
      ...['--unshare-user', '--uid', String(uid), ...command],
    ],
    { env: { PATH: `${stubs}:/usr/bin:/bin` } },
  );
}

test('where nothing is to do it is silent', async () => {
  const result = await runSetup({ args: ['--test'] });
  expect(result).toEqual({ stdout: '', stderr: '', exitCode: 0 });
});

test('a missing tool without the rights to install it ends with the one line to run', async () => {
  stub('apt-get');
  stub('sudo', 'exit 1');
  const result = await runSetup({ hidden: ['rsync', 'sshd', 'ssh-keygen'] });
  expect(result).toEqual({
    stdout: '',
    stderr:
      'setup: not installed: rsync, ssh-keygen, sshd. ' +
      'It could not be installed from here, so run this and try again:\n' +
      '  sudo apt-get update && sudo apt-get install --yes --no-install-recommends ' +
      'openssh-client openssh-server rsync\n',
    exitCode: 1,
  });
  expect(calls()).toEqual(['sudo -n true']);
});

test('sudo is used where it asks for no password', async () => {
  stub('sudo', 'shift; exec "$@"');
  stub('apt-get', `[ "$1" = install ] && ln -s /bin/true ${stubs}/rsync; exit 0`);
  const result = await runSetup({ hidden: ['rsync'] });
  expect(result).toEqual({ stdout: '', stderr: 'setup: installing rsync\n', exitCode: 0 });
  expect(calls()).toEqual([
    'sudo -n true',
    expect.stringMatching(/^sudo -n env DEBIAN_FRONTEND=noninteractive .*apt-get update$/),
    'apt-get update',
    expect.stringMatching(/^sudo -n .*apt-get install/),
    'apt-get install --yes --no-install-recommends rsync',
  ]);
});

test('root installs without sudo, and hears what apt-get said when that fails', async () => {
  stub('sudo');
  stub('apt-get', 'echo E: no such package >&2; exit 100');
  const result = await runSetup({ uid: 0, hidden: ['bwrap'] });
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain('E: no such package\n');
  expect(result.stderr).toMatch(/not installed: bwrap\.[^]*recommends bubblewrap\n$/);
  expect(calls().join()).not.toContain('sudo');
});

test('tools that only tests need are asked for with --test alone', async () => {
  stub('sudo', 'exit 1');
  stub('apt-get');
  expect((await runSetup({ hidden: ['setfacl'] })).exitCode).toBe(0);
  const result = await runSetup({ hidden: ['setfacl'], args: ['--test'] });
  expect(result.stderr).toContain('install --yes --no-install-recommends acl\n');
  expect(result.exitCode).toBe(1);
});

/** Replaces bin/pysync.js: says what it was given, and ends with 7. */
function stubProgram(): string {
  const path = join(stubs, 'program.cjs');
  writeFileSync(path, 'console.log(process.argv.slice(1).join()); process.exitCode = 7;\n');
  return path;
}

test('the program is run in the end, with its arguments and exit status', async () => {
  const program = stubProgram();
  const result = await runSetup({ args: ['--then', program, '-i', 'bob.pub', '--size=1G'] });
  expect(result).toEqual({
    stdout: `${program},-i,bob.pub,--size=1G\n`,
    stderr: '',
    exitCode: 7,
  });
});

test('a set-up that stops does not run the program', async () => {
  stub('sudo', 'exit 1');
  const result = await runSetup({ hidden: ['rsync'], args: ['--then', stubProgram()] });
  expect(result.stdout).toBe('');
  expect(result.exitCode).toBe(1);
});

test('the tools for volumes are asked for where a size is given, and in tests', async () => {
  stub('sudo', 'exit 1');
  stub('apt-get');
  const hidden = ['mke2fs', 'fuse2fs'];
  const then = ['--then', stubProgram()];
  expect((await runSetup({ hidden, args: [...then, '-i', '1G'] })).exitCode).toBe(7);
  for (const args of [[...then, '--size', '1G'], ['--test']]) {
    const result = await runSetup({ hidden, args });
    expect(result.stderr).toContain('not installed: fuse2fs, mke2fs.');
    expect(result.stderr).toContain('recommends e2fsprogs fuse2fs\n');
    expect(result.exitCode).toBe(1);
  }
});

test('without libguestfs and a kernel it says so and goes on, but not for tests', async () => {
  stub('sudo', 'exit 1');
  const missing = { hidden: ['guestfish'], emptied: ['/boot', '/lib/modules'] };
  const result = await runSetup({ ...missing, args: ['--then', stubProgram(), '--size', '1G'] });
  expect(result.stderr).toMatch(/^setup: not installed: guestfish, a kernel in \/boot\./);
  expect(result.stderr).toMatch(/ guestfish linux-image-\w+\n {2}pysync goes on without\n$/);
  expect(result.exitCode).toBe(7);
  expect((await runSetup({ ...missing, args: ['--test'] })).exitCode).toBe(1);
});

test('an optional package that the system does not know leaves the others to be installed', async () => {
  stub('sudo');
  stub('apt-get', `case "$*" in *fuse2fs*) ln -s /bin/true ${stubs}/fuse2fs;; esac`);
  const hidden = ['fuse2fs', 'guestfish'];
  const args = ['--then', stubProgram(), '--size', '1G'];
  const result = await runSetup({ uid: 0, hidden, args });
  expect(calls()).toEqual([
    'apt-get update',
    'apt-get install --yes --no-install-recommends fuse2fs',
    'apt-get install --yes --no-install-recommends guestfish',
  ]);
  expect(result.stderr).toContain('goes on without\n');
  expect(result.exitCode).toBe(7);
});

test('packages are installed when one is missing or of another version than the lock says', async () => {
  stub('npm', 'echo noise of npm');
  const record = join(project, 'node_modules/.package-lock.json');
  const text = readFileSync(record, 'utf8');
  const older = text.replace(/("node_modules\/execa": \{\s+"version": ")[^"]+/, '$10.0.1');
  expect(older).not.toBe(text);
  writeFileSync(record, older);
  const result = await runSetup();
  expect(result.stderr).toMatch(/^setup: installing the packages .*\nnoise of npm\n$/);
  expect(result.stdout).toBe('');

  rmSync(record);
  await runSetup();
  const npmCi = 'npm ci --include=dev --no-audit --no-fund --loglevel=error';
  expect(calls()).toEqual([npmCi, npmCi]);
});

test('packages are installed when there is one that the lock does not have', async () => {
  stub('npm');
  const record = join(project, 'node_modules/.package-lock.json');
  const text = readFileSync(record, 'utf8');
  const more = text.replace('"packages": {', '"packages": {\n    "node_modules/nan": {},');
  expect(more).not.toBe(text);
  writeFileSync(record, more);
  await runSetup();
  expect(calls()).toEqual([expect.stringMatching(/^npm ci /)]);
});

test('ssh2 is patched where it is not yet, and once', async () => {
  const ssh2 = join(project, 'node_modules/ssh2');
  cpSync(join(checkout, 'node_modules/ssh2'), ssh2, { recursive: true });
  const patchPackage = join(project, 'node_modules/patch-package');
  symlinkSync(join(checkout, 'node_modules/patch-package'), patchPackage);
  const index = (): string => readFileSync(join(ssh2, 'lib/index.js'), 'utf8');
  const patched = index();
  await mustExec([process.execPath, join(patchPackage, 'index.js'), '--reverse'], { cwd: project });
  expect(index()).not.toContain('pysyncPatches');

  const result = await runSetup({ uid: 0 });
  expect(result).toEqual({
    stdout: '',
    stderr: 'setup: patching ssh2 (patch-package)\n',
    exitCode: 0,
  });
  expect(index()).toBe(patched);
  expect(await runSetup({ uid: 0 })).toMatchObject({ stderr: '', exitCode: 0 });
});

test('packages are installed again when a patch has changed, and a failed patch stops', async () => {
  stub('npm');
  const patch = join(project, 'patches/ssh2+1.17.0+001+receive-window.patch');
  writeFileSync(patch, `One more line of text.\n${readFileSync(patch, 'utf8')}`);
  symlinkSync(
    join(checkout, 'node_modules/patch-package'),
    join(project, 'node_modules/patch-package'),
  );
  const result = await runSetup();
  expect(calls()).toEqual([expect.stringMatching(/^npm ci /)]);
  expect(result.stderr).toMatch(
    /setup: the patches for ssh2 could not be applied; remove node_modules and try again\n$/,
  );
  expect(result.exitCode).toBe(1);
});

test('a changed, added or removed source file is built, and a failed build stops', async () => {
  stub('npm', 'exit 2');
  const source = join(project, 'src/errors.ts');
  appendFileSync(source, '\n');
  const result = await runSetup();
  expect(result.stderr).toMatch(/^setup: building .*\nsetup: the build failed; .*\n$/);
  expect(result.exitCode).toBe(1);

  await mustExec([process.execPath, join(project, 'tools/setup.mjs'), '--finish-build']);
  expect((await runSetup()).exitCode).toBe(0);
  rmSync(source);
  expect((await runSetup()).exitCode).toBe(1);
});
