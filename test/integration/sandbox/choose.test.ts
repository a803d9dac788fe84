/** Which sandbox is chosen, on machines that lack something. */
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findTool } from '../../../src/system/tools.js';
import { exec, mustExec } from '../../helpers/exec.js';
import { parseJson, useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';
import { machineOf } from '../../helpers/machine.js';
import type { Machine } from '../../helpers/machine.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';

const home = useHome();
const [realBwrap, realRsync] = ['bwrap', 'rsync'].map(findTool);

const createMachine = (...hidden: readonly string[]): Machine => machineOf(home, { hidden });

/** The installed rsync with a name changed that it knows an option by: it then lacks that option. */
function rsyncWithout(option: string): Buffer {
  const binary = readFileSync(realRsync ?? '', 'latin1');
  expect(binary).toContain(option);
  return Buffer.from(binary.replaceAll(option, option.replace(/[a-z]/, '_')), 'latin1');
}

const failing = (sentence: string): string => `#!/bin/sh\necho '${sentence}' >&2\nexit 1\n`;

async function expectRefused(machine: Machine, reason: string): Promise<void> {
  const before = await home.snapshot();
  const { stdout, stderr, exitCode } = await machine.pysync('-i', ed25519Line());
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
  expect(stderr).toContain('this machine has no sandbox that could keep a peer inside the share');
  expect(stderr).toContain(reason);
  expect(stderr).toContain('sudo apt-get install bubblewrap');
  expect(home.keyLines()).toEqual([]);
  expect(await home.snapshot()).not.toContain('pysync/launcher');
  expect(before).not.toContain('.ssh');
}

async function expectNone(machine: Machine): Promise<void> {
  const imported = await machine.pysync('-i', ed25519Line(), '--name', 'bob', '--confine', 'none');
  expect(imported).toMatchObject({ stderr: '', exitCode: 0 });
  expect(imported.stdout).toContain(
    'NO SANDBOX: only argument checks and rsync itself keep a peer',
  );
  expect((await machine.pysync()).stdout).toContain('Confinement: NO SANDBOX');
  expect(parseJson(await machine.pysync('--json'))).toMatchObject({ confinement: 'none' });
  const folder = createTemporaryFolder().path;
  writeFileSync(join(folder, 'letter'), 'hello');
  expect(await machine.send(folder)).toMatchObject({ stderr: '', exitCode: 0 });
  expect(home.read('public/sent/letter')).toBe('hello');
}

describe('a machine without bubblewrap', () => {
  it('lets nobody in, until its owner says --confine none', async () => {
    const machine = createMachine(realBwrap ?? '');
    await expectRefused(machine, 'bubblewrap: not installed');
    await expectNone(machine);
    // The owner's word holds for the next key, and the launcher is written again without it.
    expect(await machine.pysync('-i', ed25519Line())).toMatchObject({ stderr: '', exitCode: 0 });
    rmSync(home.path('.local/share/pysync/launcher'));
    const without = await machine.pysync();
    expect(without.stderr).toContain('no peer gets in: this machine has no sandbox');
    expect(without.stdout).toContain('Confinement: none could be set up, so no peer gets in');
    // And it is better confined as soon as it can be.
    expect((await home.pysync([])).stdout).toContain('bubblewrap sandbox');
  });
});

describe('a machine where bubblewrap may not make namespaces', () => {
  it('lets nobody in, until its owner says --confine none', async () => {
    const machine = createMachine();
    const sentence = 'bwrap: No permissions to create new namespace';
    machine.install('bwrap', failing(sentence));
    await expectRefused(machine, `bubblewrap: ${sentence}`);
    await expectNone(machine);
  });

  it('goes without a sandbox only with an rsync that confines itself', async () => {
    const machine = createMachine();
    machine.install('bwrap', failing('no'));
    machine.install('rsync', rsyncWithout('confine-root'));
    const { stderr, exitCode } = await machine.pysync('-i', ed25519Line(), '--confine', 'none');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('without a sandbox, rsync 3.5.0 or newer is needed');
    expect(home.keyLines()).toEqual([]);
  });
});

describe('a bubblewrap that does not confine', () => {
  it.each([
    ['runs the program as it is', 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'],
    ['shows /etc', `exec ${realBwrap ?? ''} --ro-bind /etc /etc "$@"`],
  ])('is noticed where it %s', async (_, script) => {
    const machine = createMachine();
    machine.install('bwrap', `#!/bin/sh\n${script}\n`);
    await expectRefused(machine, 'bubblewrap: ');
  });

  it('is not what this machine has: the same import goes through with the real one', async () => {
    const machine = createMachine();
    machine.install('bwrap', `#!/bin/sh\nexec ${realBwrap ?? ''} "$@"\n`);
    expect(await machine.pysync('-i', ed25519Line())).toMatchObject({ stderr: '', exitCode: 0 });
  });
});

describe('an rsync that cannot drop devices', () => {
  it('is kept from making fifos by a seccomp filter', async () => {
    const machine = createMachine();
    machine.install('rsync', rsyncWithout('drop-D'));
    expect(await machine.pysync('-i', ed25519Line())).toMatchObject({ stderr: '', exitCode: 0 });
    const folder = createTemporaryFolder().path;
    writeFileSync(join(folder, 'letter'), 'hello');
    await mustExec(['mkfifo', join(folder, 'fifo')]);
    await mustExec(['mknod', join(folder, 'device'), 'c', '1', '3']);
    const sent = await machine.send(folder, '-D');
    expect(sent.stderr).toContain('Operation not permitted');
    expect(sent.exitCode).toBe(23);
    expect(await home.snapshot()).toMatch(/^public\/sent\/letter f /m);
    expect(await home.snapshot()).not.toMatch(/^public\/sent\/(?:fifo|device)/m);

    // The control: it is the filter that does this, and not that rsync.
    const binary = join(createTemporaryFolder(home.account).path, 'rsync');
    copyFileSync(realRsync ?? '', binary);
    writeFileSync(binary, rsyncWithout('drop-D'));
    chmodSync(folder, 0o755);
    chmodSync(binary, 0o755);
    await mustExec(['mkdir', '-m', '777', join(home.account.home, 'copy')]);
    await exec([binary, '-r', '-D', `${folder}/`, home.path('copy/')], { as: home.account });
    expect(await home.snapshot()).toMatch(/^copy\/fifo p /m);
  });
});
