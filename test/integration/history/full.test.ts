/** What the history says of a transfer for which a capped share had no room. */
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { parseJson } from '../../helpers/home.js';
import { putFiles } from '../../helpers/receiver.js';
import { mebibyte, useVolumes } from '../../helpers/volumes.js';

const volumes = useVolumes();

it('names what arrived, and that there was no space left', async () => {
  const share = volumes.newShare();
  await volumes.cap(share, '32M');
  const dave = await volumes.letIn(share, '--name', 'dave');
  putFiles(dave.folder, { fits: randomBytes(1000), 'too-big': randomBytes(40 * mebibyte) });
  const { stderr } = await dave.rsync(['-a', 'fits', 'too-big', `${dave.target}:`]);
  expect(stderr).toContain('pysync: what was sent does not fit');
  const shown = parseJson(await volumes.account.pysync(['log', '--json']));
  expect(shown).toMatchObject({
    transfers: [
      { peer: 'dave', outcome: 'full', exitCode: 11, files: [{ name: 'fits', bytes: 1000 }] },
    ],
  });
  const { stdout } = await volumes.account.pysync(['log']);
  expect(stdout).toMatch(/sent 1 file, 1000B, to .* {2}no space left\n +1000B {2}fits\n$/);
});
