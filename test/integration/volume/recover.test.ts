/**
 * pysync is killed in the middle of making, growing, shrinking and lifting a cap, and the tools that
 * it had started continue. Whoever comes next, a command or a peer, finds every file as it was, and
 * puts the rest right. EVERY_STEP=1 tries all steps, which takes some minutes.
 */
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, inject, test } from 'vitest';
import { putFiles } from '../../helpers/receiver.js';
import type { Peer } from '../../helpers/peer.js';
import { mebibyte, mustSucceed, useVolumes } from '../../helpers/volumes.js';
import { randomBytes } from 'node:crypto';

const me = useVolumes();
let preload: string;

beforeAll(() => {
  preload = join(me.account.home, 'kill-volume-step.mjs');
  cpSync(join(import.meta.dirname, '../../fixtures/kill-volume-step.mjs'), preload);
});

/** Before which steps to kill: what is on disk differs between these. */
const telling = [
  /^(before|after) rename(Sync)? /,
  /^before (mkdirSync|rmSync|rmdirSync) share/,
  /^started (fallocate|rsync|resize2fs|fuse2fs|fusermount3) /,
];

const isTelling = (step: string): boolean =>
  process.env['EVERY_STEP'] !== undefined || telling.some((pattern) => pattern.test(step));

interface Scene {
  readonly share: string;
  readonly peer: Peer;
  readonly before: readonly string[];
  /** The size of the share's volume; undefined without a cap. */
  size(): number | undefined;
}

async function createScene(): Promise<Scene> {
  const share = me.newShare();
  const peer = await me.letIn(share);
  const names = Array.from({ length: 12 }, (_, i) => `d${i % 3}/file ${i}`);
  putFiles(
    join(peer.folder, 'tree'),
    Object.fromEntries(names.map((name) => [name, randomBytes(100_000)])),
  );
  mustSucceed(await peer.rsync(['-a', 'tree/', `${peer.target}:`]));
  const before = await me.sums(share);
  expect(before).toHaveLength(12);
  return { share, peer, before, size: () => recorded(share)?.volume.size };
}

interface Recorded {
  readonly path: string;
  readonly volume: { readonly size: number };
  readonly pending?: object;
}

function recorded(share: string): Recorded | undefined {
  const file = join(me.account.home, '.local/share/pysync/shares.json');
  if (!existsSync(file)) return undefined;
  const { shares } = JSON.parse(readFileSync(file, 'utf8')) as { shares: Recorded[] };
  return shares.find(({ path }) => path === share);
}

/** Runs `pysync --dir SHARE --size SIZE` with the preload; gives its exit status. */
async function runWith(
  env: Readonly<Record<string, string>>,
  share: string,
  size: string,
): Promise<number> {
  const program = join(inject('program'), 'bin/pysync.js');
  const engine = size === 'none' ? [] : ['--engine', 'e2fsprogs'];
  const words = ['--dir', share, '--size', size, ...engine];
  const argv = [inject('node'), '--import', preload, program, ...words];
  return (await me.account.run(argv, { env, timeoutMs: 60_000 })).exitCode;
}

/** Kills the command at each telling step; `size` and `prepare` look at how far it has come. */
async function killEverywhere(
  scene: Scene,
  size: () => string,
  prepare: () => Promise<void>,
): Promise<number> {
  const steps = join(me.account.home, `steps${scene.share.slice(-1)}`);
  await prepare();
  expect(await runWith({ STEPS: steps }, scene.share, size())).toBe(0);
  const names = readFileSync(steps, 'utf8').split('\n').filter(Boolean);
  let kills = 0;
  for (const [i, name] of names.entries()) {
    if (!isTelling(name)) continue;
    await prepare();
    const status = await runWith({ KILL_AT: String(i + 1) }, scene.share, size());
    expect([name, status]).toEqual([name, 137]);
    kills += 1;
    await expectRecovered(scene, name, kills % 2 === 0);
  }
  return kills;
}

async function expectRecovered({ share, peer, before }: Scene, step: string, byPeer: boolean) {
  if (byPeer) {
    const { stdout, stderr, exitCode } = await peer.rsync(['-rnci', 'tree/', `${peer.target}:`]);
    expect([step, stdout, stderr, exitCode]).toEqual([step, '', '', 0]);
  } else {
    const { stderr, exitCode } = await me.account.pysync(['status']);
    expect([step, stderr, exitCode]).toEqual([step, '', 0]);
  }
  expect([step, recorded(share)?.pending]).toEqual([step, undefined]);
  expect([step, await me.sums(share)]).toEqual([step, before]);
  if (recorded(share) !== undefined) {
    expect([step, await me.status(share)]).toMatchObject([step, { state: 'mounted' }]);
  }
  const left = readdirSync(join(me.account.home, '.local/share/pysync/volumes'));
  expect([step, left.filter((name) => /\.new|\.mnt/.test(name))]).toEqual([step, []]);
}

test('a kill while a volume is made of a share with files', { timeout: 300_000 }, async () => {
  const scene = await createScene();
  const kills = await killEverywhere(
    scene,
    () => '32M',
    async () => {
      if (scene.size() === undefined) return;
      await me.cap(scene.share, '32M', '--yes');
      mustSucceed(await me.pysync(scene.share, '--size=none', '--yes'));
    },
  );
  expect(kills).toBeGreaterThan(12);
  // Of a volume that was never recorded there is nothing but its lock, which the next one removes.
  const steps = join(me.account.home, 'first-steps');
  expect(await runWith({ STEPS: steps }, scene.share, '32M')).toBe(0);
  mustSucceed(await me.pysync(scene.share, '--size=none', '--yes'));
  const left = readdirSync(join(me.account.home, '.local/share/pysync/volumes'));
  expect(left.filter((name) => name.includes('.busy'))).toEqual([]);
});

test('a kill while a volume grows', { timeout: 300_000 }, async () => {
  const scene = await createScene();
  await me.cap(scene.share, '32M', '--yes');
  const larger = (): string => String((scene.size() ?? 0) + 4 * mebibyte);
  const kills = await killEverywhere(scene, larger, () => Promise.resolve());
  expect(kills).toBeGreaterThan(6);
});

test('a kill while a volume shrinks', { timeout: 300_000 }, async () => {
  const scene = await createScene();
  await me.cap(scene.share, '64M', '--yes');
  const smaller = (): string => String((scene.size() ?? 0) - 4 * mebibyte);
  const kills = await killEverywhere(scene, smaller, async () => {
    if ((scene.size() ?? 0) < 40 * mebibyte) await me.cap(scene.share, '64M');
  });
  expect(kills).toBeGreaterThan(9);
});

test('a kill while a cap is lifted', { timeout: 300_000 }, async () => {
  const scene = await createScene();
  const kills = await killEverywhere(
    scene,
    () => 'none',
    async () => {
      if (scene.size() === undefined) await me.cap(scene.share, '32M', '--yes');
    },
  );
  expect(kills).toBeGreaterThan(8);
});

test('a kill while much is copied: copying that continues is no obstacle', async () => {
  const share = me.newShare();
  const peer = await me.letIn(share);
  await me.sh('cd "$1"; for i in $(seq 300); do head -c 20000 /dev/urandom > "f$i"; done', share);
  const before = await me.sums(share);
  for (const size of ['64M', 'none']) {
    if (size === 'none') await me.cap(share, '64M', '--yes');
    const steps = join(me.account.home, `steps-${size}`);
    expect(await runWith({ STEPS: steps }, share, size)).toBe(0);
    const names = readFileSync(steps, 'utf8').split('\n');
    // Back to where it was, for the run that is killed.
    await me.cap(share, '64M', '--yes');
    if (size !== 'none') mustSucceed(await me.pysync(share, '--size=none', '--yes'));
    const copying = names.findIndex((name) => name.startsWith('started rsync'));
    expect(await runWith({ KILL_AT: String(copying + 1) }, share, size)).toBe(137);
    const sent = await peer.rsync(['-a', 'id.pub', `${peer.target}:`]);
    expect(sent).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    expect(recorded(share)?.volume.size).toBe(size === 'none' ? 64 * mebibyte : undefined);
    expect(await me.sums(share)).toEqual(expect.arrayContaining(before));
    expect(existsSync(`${share}.without-cap`)).toBe(false);
  }
});
