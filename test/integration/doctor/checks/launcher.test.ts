/** The launcher that each key starts, what it needs, and who could change it. */
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, inject, it } from 'vitest';
import { findTool } from '../../../../src/system/tools.js';
import { mustExec } from '../../../helpers/exec.js';
import { readFindings } from '../../../helpers/findings.js';
import type { Diagnosis } from '../../../helpers/findings.js';
import { useHome } from '../../../helpers/home.js';
import { ed25519Line } from '../../../helpers/key-blob.js';
import { machineOf } from '../../../helpers/machine.js';
import { createTemporaryFolder } from '../../../helpers/tmp.js';

const home = useHome();
const gate = (): string => home.path('.local/share/pysync/launcher');
const well = (): string =>
  `ok: ${gate()} is of this version, and all that it starts is there and safe from others`;

async function doctor(...args: readonly string[]): Promise<Diagnosis> {
  return readFindings(await home.pysync(['doctor', 'launcher', '--json', ...args]));
}

beforeEach(async () => {
  await home.pysync(['-i', ed25519Line(), '--name', 'bob']);
});

it('is well after an import, and not there before it', async () => {
  expect((await doctor()).of('launcher')).toEqual([well()]);
  await mustExec(['find', home.account.home, '-mindepth', '1', '-delete']);
  expect((await doctor()).of('launcher')).toEqual([
    'ok: none yet; it is made with the first import',
  ]);
});

it('is found to be gone, edited or of another version, and written again', async () => {
  const text = home.read('.local/share/pysync/launcher');
  const broken: readonly (readonly [() => void, string])[] = [
    [
      () => {
        rmSync(gate());
      },
      `problem: ${gate()} is not there, so no peer gets in`,
    ],
    [
      () => home.write('.local/share/pysync/launcher', '#!/bin/sh\nexec "$@"\n', 0o700),
      `problem: ${gate()} is not as pysync writes it`,
    ],
    [
      () => home.write('.local/share/pysync/settings.json', '{}', 0o600),
      `problem: ${home.path('.local/share/pysync/settings.json')} is not as pysync writes it`,
    ],
    [
      () => {
        chmodSync(gate(), 0o600);
      },
      `problem: ${gate()} cannot be used, so no peer gets in`,
    ],
    [
      () =>
        home.write('.local/share/pysync/launcher', text.replace('Written by', 'Written before by')),
      'warning: it was written by another version of pysync',
    ],
  ];
  for (const [breakIt, expected] of broken) {
    breakIt();
    expect((await doctor()).of('launcher')).toEqual([expected]);
    const fixed = await doctor('--fix');
    expect(fixed.done).toEqual(['fixed: wrote the launcher again; its sandbox: bubblewrap']);
    expect(fixed.of('launcher')).toEqual([well()]);
    expect(home.read('.local/share/pysync/launcher')).toBe(text);
  }
});

it('is found to start what cannot be run any more', async () => {
  const hidden = ['bwrap', 'rsync'].map(findTool);
  const found = readFindings(
    await machineOf(home, { hidden }).pysync('doctor', 'launcher', '--json'),
  );
  // What hides them is /dev/null, which everybody may write: that is found, too.
  expect(found.of('launcher')).toEqual(
    expect.arrayContaining(
      hidden.map((path) => `problem: ${path} cannot be used, so no peer gets in`),
    ),
  );
});

it('is found to start another pysync', async () => {
  const program = createTemporaryFolder(home.account).path;
  cpSync(inject('program'), program, { recursive: true });
  chmodSync(program, 0o755);
  const found = readFindings(
    await home.account.run([
      inject('node'),
      join(program, 'bin/pysync.js'),
      'doctor',
      'launcher',
      '--json',
    ]),
  );
  expect(found.of('launcher')).toEqual([
    `warning: it starts another pysync or Node than this one: ${inject('node')} ${inject('program')}/dist/session`,
  ]);
});

it('is found to be at the mercy of others, and fixed where it is ours', async () => {
  chmodSync(gate(), 0o722);
  chmodSync(home.path('.local/share'), 0o777);
  const suffix = "can be written by everybody, who then decide what a peer's key runs";
  expect((await doctor()).of('launcher')).toEqual([
    `problem: ${home.path('.local/share')} ${suffix}`,
    `problem: ${gate()} ${suffix}`,
  ]);
  expect((await doctor('--fix')).of('launcher')).toEqual([well()]);
  expect(home.mode('.local/share')).toBe('755');

  // The program itself, which only root could fix.
  const file = join(inject('program'), 'dist/gate/quote.js');
  chmodSync(file, 0o666);
  const found = await doctor('--fix');
  chmodSync(file, 0o644);
  expect(found.of('launcher')).toEqual([`problem: ${file} ${suffix}`]);
  expect(found.findings[0]?.hints).toEqual([`sudo chmod go-w ${file}`]);
});

it('is found to be another than a key starts', async () => {
  const [ours = ''] = home.keyLines();
  const old = ours.replaceAll(gate(), '/home/old/.local/share/pysync/launcher');
  home.write('.ssh/authorized_keys', `${old}\n`, 0o600);
  expect((await doctor()).of('launcher')).toEqual([
    'problem: the key of bob starts a launcher that is not there: /home/old/.local/share/pysync/launcher',
  ]);
});

it('is found to have no place for its logs', async () => {
  chmodSync(home.path('.local/state/pysync/log'), 0o500);
  expect((await doctor()).of('launcher')).toEqual([
    `problem: ${home.path('.local/state/pysync/log')} is closed to you, so no transfer starts`,
  ]);
  chmodSync(home.path('.local/state/pysync/log'), 0o700);
  chmodSync(home.path('.local/share/pysync'), 0);
  expect((await doctor()).of('launcher')).toEqual([
    `problem: ${home.path('.local/share/pysync')} is closed to you, so no transfer starts`,
  ]);
  chmodSync(home.path('.local/share/pysync'), 0o700);
  const state = home.path('.local/state/pysync');
  const disk = `mount -t tmpfs -o size=64k,mode=777 none ${state}`;
  const machine = machineOf(home, { prepare: [disk, `head -c 64k /dev/zero > ${state}/full`] });
  const found = readFindings(await machine.pysync('doctor', 'launcher', '--json'));
  expect(found.of('launcher')).toEqual([
    `problem: the disk of ${state} is full, so no transfer starts`,
  ]);
});

it('reports a program on-received that is not run', async () => {
  const program = home.write('bin/tell', '#!/bin/sh\n', 0o755);
  await home.pysync(['config', 'set', 'on-received', program]);
  expect((await doctor()).of('launcher')).toEqual([well()]);
  chmodSync(program, 0o777);
  expect((await doctor()).of('launcher')).toEqual([
    `warning: your program on-received is not run: ${program} can be changed by others: ${program} can be written by everybody`,
  ]);
});
