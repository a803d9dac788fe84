/** `pysync serve` on a full disk: the sender reads why, and serve goes on when there is room again. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exec, mustExec } from '../../helpers/exec.js';
import type { ExecResult } from '../../helpers/exec.js';
import type { Peer } from '../../helpers/peer.js';
import { createServeScene } from '../../helpers/serve-process.js';
import type { ServeScene } from '../../helpers/serve-process.js';

let me: ServeScene;
let bob: Peer;
const disks: string[] = [];

beforeAll(async () => {
  me = await createServeScene();
  bob = await me.letIn('--name', 'bob');
  writeFileSync(join(bob.folder, 'small'), 'small');
  writeFileSync(join(bob.folder, 'large'), Buffer.alloc(8 * 1024 * 1024, 'large'));
});

afterAll(async () => {
  for (const disk of disks) await exec(['umount', '--lazy', disk]);
  await me.remove();
});

const push = (name: string): Promise<ExecResult> => bob.rsync(['-a', name, `${bob.target}:`]);

/** Mounts a small disk of the account's there, with what was there before. */
async function giveDisk(folder: string): Promise<void> {
  const { uid, gid } = me.account;
  const options = `size=2M,mode=700,uid=${uid},gid=${gid}`;
  const kept = `${folder}.kept`;
  mkdirSync(kept);
  await mustExec(['sh', '-c', 'cp -a "$0"/. "$1"', folder, kept]);
  await mustExec(['mount', '-t', 'tmpfs', '-o', options, 'none', folder]);
  disks.push(folder);
  await mustExec(['sh', '-c', 'cp -a "$1"/. "$0"', folder, kept]);
  rmSync(kept, { recursive: true });
}

it('that of the logs: nothing is taken that could not be noted, and all of it later', async () => {
  const state = join(me.account.home, '.local/state/pysync');
  await giveDisk(state);
  await me.account.run(['sh', '-c', `cat /dev/zero >${state}/ballast`]);
  const engine = await me.serve.engine();
  const refused = await push('small');
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toMatch(/^pysync: .*(?:space|full)/m);
  expect(existsSync(join(me.share, 'small'))).toBe(false);
  rmSync(join(state, 'ballast'));
  expect(await push('small')).toMatchObject({ stderr: '', exitCode: 0 });
  expect(await me.serve.engine()).toBe(engine);
});

it('that of the share: what does not fit is refused, what fits is taken', async () => {
  await giveDisk(me.share);
  const refused = await push('large');
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toContain('No space left on device (28)');
  expect(existsSync(join(me.share, 'large'))).toBe(false);
  rmSync(join(bob.folder, 'small'));
  writeFileSync(join(bob.folder, 'small'), 'smaller');
  expect(await push('small')).toMatchObject({ stderr: '', exitCode: 0 });
});
