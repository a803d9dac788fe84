/** The folders that peers send into. */
import { chmodSync, rmSync, symlinkSync } from 'node:fs';
import { beforeEach, expect, it } from 'vitest';
import { mustExec } from '../../../helpers/exec.js';
import { readFindings } from '../../../helpers/findings.js';
import type { Diagnosis } from '../../../helpers/findings.js';
import { useHome } from '../../../helpers/home.js';
import { ed25519Line } from '../../../helpers/key-blob.js';
import { machineOf } from '../../../helpers/machine.js';

const home = useHome();
const share = (): string => home.path('public');

async function doctor(...args: readonly string[]): Promise<Diagnosis> {
  return readFindings(await home.pysync(['doctor', 'shares', '--json', ...args]));
}

beforeEach(async () => {
  await home.pysync(['-i', ed25519Line()]);
});

it('are well after an import, and none is used before it', async () => {
  expect((await doctor()).of('shares')).toEqual([`ok: ${share()}: there, and can be written`]);
  await mustExec(['find', home.account.home, '-mindepth', '1', '-delete']);
  expect((await doctor()).of('shares')).toEqual(['ok: none is used by a key yet']);
});

it('are found to be gone, and made again', async () => {
  rmSync(share(), { recursive: true });
  expect((await doctor()).of('shares')).toEqual([
    `problem: ${share()} is not there, so nobody can send into it`,
  ]);
  const fixed = await doctor('--fix');
  expect(fixed.done).toEqual([`fixed: made ${share()}`]);
  expect(fixed.of('shares')).toEqual([`ok: ${share()}: there, and can be written`]);
  expect(home.mode('public')).toBe('700');
});

it('are found to be closed, no folder, or a link to what must not be shared', async () => {
  chmodSync(share(), 0o500);
  expect((await doctor()).of('shares')).toEqual([
    `problem: ${share()} is closed to you, so nobody can send into it`,
  ]);
  rmSync(share(), { recursive: true });
  home.write('public', '');
  expect((await doctor()).of('shares')).toEqual([
    `problem: ${share()} is not a folder, so nobody can send into it`,
  ]);
  rmSync(share());
  symlinkSync(home.path('.ssh'), share());
  expect((await doctor()).of('shares')).toEqual([
    `problem: ${share()} is not the folder that was shared: a symbolic link has taken its place, ` +
      'or that of a folder above it, so nobody can send into it',
  ]);
});

it('are found to hold each other, and to stand on a full disk', async () => {
  await home.pysync(['-i', ed25519Line(), '--dir', 'public/bob']);
  expect((await doctor()).of('shares')).toEqual([
    `warning: ${share()}/bob lies in ${share()}, so the peers of ${share()} reach it too`,
  ]);
  const disk = `mount -t tmpfs -o size=1M,mode=777 none ${share()}`;
  const fill = `head -c 1M /dev/zero > ${share()}/full`;
  const small = machineOf(home, { prepare: [disk, `mkdir -m 777 ${share()}/bob`] });
  expect(readFindings(await small.pysync('doctor', 'shares', '--json')).of('shares')).toContain(
    `warning: ${share()}: the disk has 1MB left`,
  );
  const full = machineOf(home, { prepare: [disk, `mkdir -m 777 ${share()}/bob`, fill] });
  expect(readFindings(await full.pysync('doctor', 'shares', '--json')).of('shares')).toContain(
    `problem: ${share()}: the disk has 0B left`,
  );
});
