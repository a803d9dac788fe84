/** Changing a cap: growing, shrinking, leaving it, and who is in the way. */
import { existsSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mebibyte, useVolumes } from '../../helpers/volumes.js';

const me = useVolumes();

/** Twenty files of a megabyte in all. */
const fill = (share: string): Promise<string> =>
  me.sh('cd "$1"; for i in $(seq 20); do head -c 52429 /dev/urandom > "f$i"; done', share);

test('a cap grows and shrinks around the files, and the disk gets back what is given up', async () => {
  const share = me.newShare();
  await me.cap(share, '40M');
  await fill(share);
  await me.sh('chmod 751 "$1"', share);
  const before = await me.sums(share);
  for (const size of [72, 48, 32]) {
    const { stdout, stderr, exitCode } = await me.pysync(share, `--size=${size}M`);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toContain(`is capped at ${size}MB`);
    expect(await me.sums(share)).toEqual(before);
    expect(await me.status(share)).toMatchObject({
      ...{ size: size * mebibyte, state: 'mounted', files: 20, notes: [] },
    });
    const { size: length, blocks } = statSync(me.image(share));
    expect(length).toBe(size * mebibyte);
    expect(Math.abs(blocks * 512 - length)).toBeLessThan(65_536);
  }
  expect(await me.sh('stat -c %a "$1"; ls -A "$1" | wc -l', share)).toBe('751\n20\n');
});

test('the room that growing gives can be used to the last byte', async () => {
  const share = me.newShare();
  await me.cap(share, '32M');
  await me.sh('head -c 64M /dev/urandom > "$1/all" || true', share);
  expect((await me.status(share)).free).toBeLessThan(65_536);
  const full = await me.sums(share);
  await me.cap(share, '64M');
  expect(await me.sums(share)).toEqual(full);
  expect((await me.status(share)).free).toBeGreaterThan(30 * mebibyte);
  await me.sh('head -c 30M /dev/urandom > "$1/more"', share);
});

test('it shrinks to the smallest size that the sentence says, and not below', async () => {
  const share = me.newShare();
  await me.cap(share, '64M');
  await me.sh('head -c 36M /dev/urandom > "$1/large"', share);
  const before = await me.sums(share);
  const { stderr, exitCode } = await me.pysync(share, '--size', '36M');
  expect(exitCode).toBe(1);
  const [, smallest = ''] =
    /^pysync: what is stored in \S+ would not fit\n {2}the smallest size possible now is (\S+)\n$/.exec(
      stderr,
    ) ?? [];
  expect(await me.status(share)).toMatchObject({
    size: 64 * mebibyte,
    state: 'mounted',
    notes: [],
  });
  await me.cap(share, smallest);
  expect(await me.sums(share)).toEqual(before);
});

test('the size it has already changes nothing, and does not disturb the mount', async () => {
  const share = me.newShare();
  await me.cap(share, '32M');
  const serving = await me.serving(share);
  const { stdout, exitCode } = await me.pysync(share, '--size', '33554432');
  expect({ stdout, exitCode }).toMatchObject({ exitCode: 0 });
  expect(stdout).toContain('is capped at 32MB');
  expect(await me.serving(share)).toEqual(serving);
});

test('none brings the files back; the image is kept and told, or goes with --yes', async () => {
  for (const words of [[], ['--yes']]) {
    const share = me.newShare();
    await me.cap(share, '32M');
    await fill(share);
    // By both names: of another name's change the kernel hears a moment later.
    const touch = 'touch -d 2001-01-01 "$1/f1" "$1/linked" "$1"';
    await me.sh(`ln "$1/f1" "$1/linked"; chmod 2750 "$1"; ${touch}`, share);
    const describe = 'cd "$1"; find . -printf "%p %y %m %n %T@\\n" | sort';
    const [before, sums] = [await me.sh(describe, share), await me.sums(share)];
    const image = me.image(share);
    const { stdout, stderr, exitCode } = await me.pysync(share, '--size', 'none', ...words);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toContain('has no size cap');
    expect(stdout.includes(`Kept until you remove it: ${image}`)).toBe(words.length === 0);
    expect(existsSync(image)).toBe(words.length === 0);
    expect(await me.sums(share)).toEqual(sums);
    expect(await me.sh(describe, share)).toBe(before);
    // It is an ordinary folder again, which root can see into as well.
    expect(statSync(`${share}/f1`).nlink).toBe(2);
  }
});

test('without a cap, none says so and does nothing', async () => {
  const share = me.newShare();
  const { stdout, exitCode } = await me.pysync(share, '--size', 'none', '--json');
  expect({ report: JSON.parse(stdout) as unknown, exitCode }).toEqual({
    report: { share, size: null, notes: [] },
    exitCode: 0,
  });
});
