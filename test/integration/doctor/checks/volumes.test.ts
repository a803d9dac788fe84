/** Volumes that are well, and that were broken in the ways that stateOf tells apart. */
import { chmodSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { exec, mustExec } from '../../../helpers/exec.js';
import { readFindings } from '../../../helpers/findings.js';
import type { Diagnosis } from '../../../helpers/findings.js';
import { giveDisk, mebibyte, useVolumes } from '../../../helpers/volumes.js';

const volumes = useVolumes();

async function doctor(...args: readonly string[]): Promise<Diagnosis> {
  return readFindings(await volumes.account.pysync(['doctor', 'volumes', '--json', ...args]));
}

/** What it says of one share: the others of this file are there, too. */
async function check(share: string, ...args: readonly string[]): Promise<string[]> {
  const found = (await doctor(...args)).of('volumes');
  return found.filter((line) => line.includes(`${share}:`));
}

async function newVolume(): Promise<string> {
  const share = volumes.newShare();
  await volumes.cap(share, '32M');
  return share;
}

const registry = (): string => join(volumes.account.home, '.local/share/pysync/shares.json');

afterEach(async () => {
  if (!existsSync(registry())) return;
  await volumes.account.pysync(['unmount']);
  writeFileSync(registry(), '{"version":1,"shares":[]}');
});

it('could be made where there is none', async () => {
  expect((await doctor()).of('volumes')).toEqual([
    expect.stringMatching(/^ok: no share is capped; one could be, with fuse2fs/),
  ]);
});

it('are well when they are mounted, and when they are not', async () => {
  const share = await newVolume();
  expect(await check(share)).toEqual([`ok: ${share}: 32MB, mounted with fuse2fs`]);
  await volumes.account.pysync(['unmount', share]);
  expect(await check(share)).toEqual([`ok: ${share}: 32MB, whole; the next transfer mounts it`]);
});

it('are found to have died or not to have been closed, and fixed', async () => {
  const share = await newVolume();
  for (const pid of await volumes.serving(share)) process.kill(pid, 'SIGKILL');
  await expect
    .poll(() => check(share))
    .toEqual([`warning: ${share}: the program that served it has died`]);
  await exec(['fusermount3', '-u', '-z', share], { as: volumes.account });
  expect(await check(share)).toEqual([
    `warning: ${share}: it has to be checked before it is used again`,
  ]);
  const fixed = await doctor('--fix');
  expect(fixed.done.join()).toContain(`fixed: mounted ${share}; the volume had not been closed`);
  expect(fixed.of('volumes')).toEqual([`ok: ${share}: 32MB, mounted with fuse2fs`]);
});

it('are found where something else is mounted in their place, or they cannot be', async () => {
  const share = await newVolume();
  await volumes.account.pysync(['unmount', share]);
  await mustExec(['mount', '-t', 'tmpfs', 'none', share]);
  expect(await check(share)).toEqual([
    `problem: ${share}: something else is mounted there, and not its volume`,
  ]);
  await mustExec(['umount', share]);
  writeFileSync(registry(), readFileSync(registry(), 'utf8').replace('"fuse2fs"', '"loop"'));
  expect((await check(share))[1]).toBe(
    `problem: ${share}: it cannot be mounted with loop: only root may; a line in /etc/fstab can allow it`,
  );
});

it('are found to be gone, cut off or no file system', async () => {
  const share = await newVolume();
  const image = volumes.image(share);
  await volumes.account.pysync(['unmount', share]);
  truncateSync(image, 20 * mebibyte);
  expect(await check(share)).toEqual([
    `problem: ${share}: its disk image is damaged, so nobody can send into it`,
  ]);
  rmSync(image);
  const found = await doctor();
  expect(found.of('volumes')).toEqual([
    `problem: ${share}: its disk image is not there, so nobody can send into it`,
  ]);
  expect(found.findings[0]?.hints).toEqual([`put it back as ${image}`]);
});

it('are found to be another size than their cap', async () => {
  const share = await newVolume();
  const text = readFileSync(registry(), 'utf8');
  writeFileSync(registry(), text.replace(`"size": ${32 * mebibyte}`, `"size": ${16 * mebibyte}`));
  expect((await check(share))[1]).toBe(
    `problem: ${share}: its file system has 32MB, and its cap is 16MB`,
  );
  writeFileSync(registry(), text);
});

it('are found to have less of the disk than they promise, and given it', async () => {
  const { home } = volumes.account;
  const share = await newVolume();
  const image = volumes.image(share);
  await volumes.account.pysync(['unmount', share]);
  // As a copy that leaves holes, on a disk that is full.
  const folder = join(home, '.local/share/pysync/volumes');
  const kept = join(home, 'kept');
  await mustExec(['cp', '-a', '--sparse=always', folder, kept]);
  await mustExec(['cp', '-a', '--sparse=always', image, `${image}.holes`]);
  await mustExec(['mv', `${image}.holes`, image]);
  expect((await check(share))[1]).toMatch(
    /^warning: .*: [\d.]+MB of its image are not on the disk yet$/,
  );
  const fixed = await doctor('--fix');
  expect(fixed.done.join()).toMatch(/^fixed: took [\d.]+MB of the disk for /);
  expect(fixed.of('volumes')).toEqual([`ok: ${share}: 32MB, whole; the next transfer mounts it`]);

  rmSync(image);
  await giveDisk(folder, volumes.account, 20 * mebibyte);
  chmodSync(folder, 0o700);
  await mustExec(['cp', '-a', '--sparse=always', join(kept, image.slice(folder.length)), image]);
  const full = await check(share);
  await mustExec(['umount', folder]);
  expect(full[1]).toMatch(/^problem: .* are not on the disk yet, which has only [\d.]+MB left$/);
});

it('are found where pysync was stopped in the middle', async () => {
  const share = await newVolume();
  await volumes.account.pysync(['unmount', share]);
  const record = JSON.parse(readFileSync(registry(), 'utf8')) as {
    shares: { pending?: object }[];
  };
  record.shares[0] = { ...record.shares[0], pending: { step: 'grow', size: 64 * mebibyte } };
  writeFileSync(registry(), JSON.stringify(record));
  expect(await check(share)).toEqual([
    `warning: ${share}: pysync was stopped while it was resizing`,
  ]);
  const fixed = await doctor('--fix');
  expect(fixed.done.join()).toContain('growing the volume was interrupted; it was fixed');
  expect(fixed.of('volumes')).toEqual([`ok: ${share}: 32MB, mounted with fuse2fs`]);
});
