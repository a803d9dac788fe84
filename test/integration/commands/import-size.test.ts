/** `--size`, as long as this version has no volumes: it is answered, and not ignored. */
import { expect, test } from 'vitest';
import { useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';

const home = useHome();

test('a size is answered with the plain word that there is no cap, after the key is in', async () => {
  const { stdout, stderr, exitCode } = await home.pysync(['-i', ed25519Line(), '--size', '10G']);
  expect(exitCode).toBe(1);
  expect(stdout).toContain('added');
  expect(home.keyLines()).toHaveLength(1);
  expect(stderr).toContain('the share has NO size cap, and the keys were imported');

  const alone = await home.pysync(['--size', '10G']);
  expect(alone.exitCode).toBe(1);
  expect(alone.stderr).toContain('the share has NO size cap, and nothing was changed');
});
