/** `--size` on the command line; what it makes has tests of its own. */
import { chmodSync } from 'node:fs';
import { expect, test } from 'vitest';
import { useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';

const home = useHome();

test('a size that cannot be is wrong usage, and keeps the key out, too', async () => {
  const before = await home.snapshot();
  for (const size of ['banana', '', '-1G', '0', '10M']) {
    const args = ['-i', ed25519Line(), `--size=${size}`];
    for (const given of [args, [...args, '--dry-run']]) {
      const { stdout, stderr, exitCode } = await home.pysync(given);
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
      expect(stderr).toMatch(/is not a size|is too small|has to be more than nothing/);
    }
  }
  expect(await home.snapshot()).toBe(before);
});

test('--dry-run says what the cap would be, and makes nothing', async () => {
  const before = await home.snapshot();
  const { stdout, stderr, exitCode } = await home.pysync([
    ...['-i', ed25519Line(), '--size', '10G', '--dry-run'],
  ]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain('would be added');
  expect(stderr).toBe(`pysync: ${home.path('public')} would be capped at 10GB\n`);
  expect(await home.snapshot()).toBe(before);
});

test('options about a cap need one', async () => {
  const { stderr, exitCode } = await home.pysync(['--yes']);
  expect(exitCode).toBe(2);
  expect(stderr).toBe('pysync: --yes says how to cap a share: add --size <size>\n');
});

test('options about keys need a key, also beside a cap, which is not made then', async () => {
  const before = await home.snapshot();
  const about = [['--access', 'read-only'], ['--allow-delete'], ['--from', 'lan']];
  about.push(['--expires', '30d'], ['--name', 'bob'], ['--confine', 'none']);
  for (const [option = '', ...value] of about) {
    expect(await home.pysync(['--size', '1G', option, ...value])).toEqual({
      stdout: '',
      stderr: `pysync: ${option} needs a key to import: add -i <source>\n`,
      exitCode: 2,
    });
  }
  expect(await home.snapshot()).toBe(before);
});

test('options about a cap need one, also beside a key, which is not imported then', async () => {
  const before = await home.snapshot();
  const { stderr, exitCode } = await home.pysync(['-i', ed25519Line(), '--engine', 'e2fsprogs']);
  expect(exitCode).toBe(2);
  expect(stderr).toBe('pysync: --engine says how to cap a share: add --size <size>\n');
  expect(await home.snapshot()).toBe(before);
});

test('a folder that may not be written is a sentence, and no bug of pysync', async () => {
  home.write('.local/share/pysync/shares.json', '{"version":1,"shares":[]}');
  chmodSync(home.path('.local/share/pysync'), 0o500);
  const { stderr, exitCode } = await home.pysync(['--size', '64M', '--engine', 'e2fsprogs']);
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    `pysync: could not use ${home.path('.local/share/pysync/volumes')}: permission denied\n` +
      '  check the owner and mode of it and of its directory\n',
  );
});
