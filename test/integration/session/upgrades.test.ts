/**
 * What changes under a launcher in the course of time: pysync, Node and rsync get upgraded and moved.
 * The next transfer just works, unless a protection was lost: then nothing is served, and the owner is
 * told.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, expect, inject, it } from 'vitest';
import { findTool } from '../../../src/system/tools.js';
import type { ExecResult } from '../../helpers/exec.js';
import { useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';
import { machineOf } from '../../helpers/machine.js';
import type { Machine } from '../../helpers/machine.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';

const home = useHome();
let machine: Machine;
let count = 0;

beforeEach(() => {
  machine = machineOf(home);
});

const realRsync = (): Buffer => readFileSync(findTool('rsync'));

/** The installed rsync without one of its options. */
function rsyncWithout(option: string): Buffer {
  const binary = realRsync().toString('latin1');
  expect(binary).toContain(option);
  return Buffer.from(binary.replaceAll(option, option.replace(/[a-z]/, '_')), 'latin1');
}

async function expectServed(of = machine): Promise<void> {
  const folder = createTemporaryFolder().path;
  const name = `letter-${(count += 1)}`;
  writeFileSync(join(folder, name), name);
  expect(await of.send(folder)).toMatchObject({ stderr: '', exitCode: 0 });
  expect(home.read(`public/sent/${name}`)).toBe(name);
}

async function expectRefused(of = machine): Promise<void> {
  const folder = createTemporaryFolder().path;
  writeFileSync(join(folder, 'refused'), '');
  const sent = await of.send(folder);
  expect(sent.stderr).toContain('its owner can see it with: pysync doctor');
  expect(sent.exitCode).not.toBe(0);
  expect(await home.snapshot()).not.toContain('refused');
}

/** A pysync of the account's own, as a version manager installs it: `versions/VERSION/lib/…`. */
function installed(version: string): { node: string; program: string; folder: string } {
  const folder = home.path(`versions/${version}`);
  const program = join(folder, 'lib/node_modules/pysync');
  const node = join(folder, 'bin/node');
  mkdirSync(dirname(program), { recursive: true });
  mkdirSync(dirname(node), { recursive: true });
  cpSync(inject('program'), program, { recursive: true });
  cpSync(inject('node'), node);
  for (const path of [folder, home.path('versions')]) chmodSync(path, 0o755);
  return { node, program, folder };
}

async function importWith({ node, program }: { node: string; program: string }): Promise<void> {
  const words = [node, join(program, 'bin/pysync.js'), '-i', ed25519Line(), '--name', 'bob'];
  expect(await home.account.run(words)).toMatchObject({ stderr: '', exitCode: 0 });
}

it('serves after another version of pysync took the place of the old one', async () => {
  const old = installed('v20.0.0');
  await importWith(old);
  await expectServed();
  const manifest = join(old.program, 'package.json');
  const text = readFileSync(manifest, 'utf8');
  writeFileSync(manifest, text.replace(/"version": "[^"]*"/, '"version": "9.9.9"'));
  // Its settings are of another format.
  const file = home.path('.local/share/pysync/settings.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"format": 3', '"format": 1'));
  await expectServed();
  expect(readFileSync(file, 'utf8')).toContain('"format": 3');
});

it('serves after Node moved, with pysync or without', async () => {
  const old = installed('v20.0.0');
  await importWith(old);
  await expectServed();
  renameSync(old.folder, home.path('versions/v22.1.0'));
  await expectServed();
  // Node alone: pysync stays where it was.
  renameSync(home.path('versions/v22.1.0/bin'), home.path('bin-away'));
  rmSync(home.path('versions/v22.1.0'), { recursive: true });
  await expectRefused();
  const next = installed('v24.0.0');
  await expectServed();
  rmSync(next.program, { recursive: true });
  await expectRefused();
});

it('takes no Node that is too old', async () => {
  const old = installed('v20.0.0');
  await importWith(old);
  renameSync(old.folder, home.path('versions/v22.1.0'));
  const node = home.path('versions/v22.1.0/bin/node');
  renameSync(node, `${node}-real`);
  writeFileSync(node, `#!/bin/sh\n[ "$1" != -e ] || exit 1\nexec "$0-real" "$@"\n`, {
    mode: 0o755,
  });
  const usual = ['/usr/bin/node', '/usr/local/bin/node', '/opt/homebrew/bin/node'];
  const launcher = home.path('.local/share/pysync/launcher');
  const text = readFileSync(launcher, 'utf8');
  writeFileSync(
    launcher,
    usual.reduce((all, path) => all.replace(path, '/nowhere/node'), text),
  );
  await expectRefused();
  renameSync(`${node}-real`, node);
  await expectServed();
});

it('serves after rsync was upgraded, by what the new one can do', async () => {
  machine.install('rsync', rsyncWithout('confine-root'));
  expect(await machine.pysync('-i', ed25519Line())).toMatchObject({ stderr: '', exitCode: 0 });
  machine.install('rsync', realRsync());
  await expectServed();
  expect((await machine.pysync()).stderr).toBe('');
  expect((await machine.pysync('doctor', 'launcher')).stdout).toMatch(/^ok/m);
});

it('serves after rsync was replaced by an older one, which a filter keeps from making devices', async () => {
  machine.install('rsync', realRsync());
  expect(await machine.pysync('-i', ed25519Line())).toMatchObject({ stderr: '', exitCode: 0 });
  machine.install('rsync', rsyncWithout('drop-D'));
  await expectServed();
  const settings = home.read('.local/share/pysync/settings.json');
  expect(JSON.parse(settings)).toMatchObject({
    dropsDevices: false,
    seccomp: expect.stringMatching(/mknod/) as string,
  });
});

it('serves nobody after the sandbox was lost, until it is back', async () => {
  expect(await machine.pysync('-i', ed25519Line())).toMatchObject({ stderr: '', exitCode: 0 });
  const without = machineOf(home, { hidden: [findTool('bwrap')] });
  await expectRefused(without);
  const { stdout } = await without.pysync('doctor', 'launcher');
  expect(stdout).toContain('cannot be used, so no peer gets in');
  expect((await without.pysync()).stderr).toContain('no peer gets in');
  await expectServed();
});

it('serves nobody without a sandbox after rsync lost its own protection', async () => {
  const without = machineOf(home, { hidden: [findTool('bwrap')] });
  without.install('rsync', realRsync());
  const imported = await without.pysync('-i', ed25519Line(), '--confine', 'none');
  expect(imported).toMatchObject({ stderr: '', exitCode: 0 });
  await expectServed(without);
  without.install('rsync', rsyncWithout('confine-root'));
  await expectRefused(without);
});

it('looks at all of it once, and not with each transfer', async () => {
  expect(await machine.pysync('-i', ed25519Line())).toMatchObject({ stderr: '', exitCode: 0 });
  machine.install('rsync', realRsync());
  await expectServed();
  const file = home.path('.local/share/pysync/settings.json');
  const { ino } = statSync(file);
  await expectServed();
  expect(statSync(file).ino).toBe(ino);
});

it('keeps the preferences of an owner whose configuration is elsewhere', async () => {
  const elsewhere = machineOf(home, { env: { XDG_CONFIG_HOME: home.path('elsewhere') } });
  expect(await elsewhere.pysync('-i', ed25519Line())).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await elsewhere.pysync('config', 'set', 'log-count', '7')).toMatchObject({ exitCode: 0 });
  const logCount = (): unknown =>
    (JSON.parse(home.read('.local/share/pysync/settings.json')) as { logCount: number }).logCount;
  expect(logCount()).toBe(7);
  const file = home.path('.local/share/pysync/settings.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"format": 3', '"format": 1'));
  await expectServed();
  expect(readFileSync(file, 'utf8')).toContain('"format": 3');
  expect(logCount()).toBe(7);
});

it('finds an rsync again that only the PATH of its owner leads to', async () => {
  const tools = home.path('tools');
  mkdirSync(tools);
  chmodSync(tools, 0o755);
  cpSync(findTool('rsync'), join(tools, 'rsync'));
  const hidden = [findTool('rsync')];
  const owner = machineOf(home, { hidden, env: { PATH: `/usr/bin:/bin:${tools}` } });
  const login = machineOf(home, { hidden });
  expect(await owner.pysync('-i', ed25519Line())).toMatchObject({ stderr: '', exitCode: 0 });
  const file = home.path('.local/share/pysync/settings.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ rsync: join(tools, 'rsync') });
  // As after an upgrade.
  utimesSync(join(tools, 'rsync'), new Date(), new Date(0));
  await expectServed(login);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ rsync: join(tools, 'rsync') });
});

it('brings nothing back of a pysync that is being uninstalled', async () => {
  expect(await machine.pysync('-i', ed25519Line())).toMatchObject({ stderr: '', exitCode: 0 });
  const data = home.path('.local/share/pysync');
  const entry = join(inject('program'), 'dist/session/entry.js');
  const env = {
    XDG_DATA_HOME: home.path('.local/share'),
    XDG_STATE_HOME: home.path('.local/state'),
  };
  const begin = (): Promise<ExecResult> => home.account.run([inject('node'), entry], { env });
  rmSync(join(data, 'settings.json'));
  // The control: with the launcher in place they are found again.
  await begin();
  expect(readdirSync(data)).toContain('settings.json');
  rmSync(join(data, 'launcher'));
  rmSync(join(data, 'settings.json'));
  expect((await begin()).stderr).toContain('its owner can see it with: pysync doctor');
  expect(readdirSync(data)).not.toContain('launcher');
  expect(readdirSync(data)).not.toContain('settings.json');
});
