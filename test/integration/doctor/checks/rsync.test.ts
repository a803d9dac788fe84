/** Which rsync serves: the real one, and programs that call themselves another. */
import { expect, it } from 'vitest';
import { readFindings } from '../../../helpers/findings.js';
import type { FoundLine } from '../../../helpers/findings.js';
import { useHome } from '../../../helpers/home.js';
import { ed25519Line } from '../../../helpers/key-blob.js';
import { machineOf } from '../../../helpers/machine.js';
import { findTool } from '../../../../src/system/tools.js';

const home = useHome();

async function check(program?: string): Promise<FoundLine | undefined> {
  const machine = machineOf(home);
  if (program !== undefined) machine.install('rsync', `#!/bin/sh\n${program}\n`);
  return readFindings(await machine.pysync('doctor', 'rsync', '--json')).findings[0];
}

it('is the one that the launcher starts', async () => {
  await home.pysync(['-i', ed25519Line()]);
  const { verdict, text } = (await check('echo rsync  version 3.1.0  protocol')) ?? {};
  expect(text).toContain(`(${findTool('rsync')})`);
  expect(verdict).toBeDefined();
});

it('is found to be old, with what is known to be wrong with it', async () => {
  const found = await check("echo 'rsync  version 3.2.7  protocol version 31'");
  expect(found).toMatchObject({
    verdict: 'warning',
    text: '3.2.7 (/usr/local/sbin/rsync) has known faults, which the sandbox keeps in the share',
  });
  expect(found?.hints.map((hint) => hint.split(':')[0])).toEqual([
    'until 3.4.0',
    'until 3.4.3',
    'until 3.5.0',
    'your system may have fixed some of them without changing the number; to get all its fixes',
    'sudo apt-get install --only-upgrade rsync',
  ]);
  const oldest = await check("echo 'rsync  version 3.1.3  protocol version 31'");
  expect(oldest?.hints[0]).toContain('until 3.2.0');
  const newest = await check("echo 'rsync  version v3.5.1pre1  protocol version 32'");
  expect(newest).toMatchObject({ verdict: 'ok' });
});

it('is found to be openrsync, or none at all', async () => {
  const openrsync = "printf 'openrsync: protocol version 29\\nrsync version 2.6.9 compatible\\n'";
  expect(await check(openrsync)).toMatchObject({
    verdict: 'problem',
    text: '/usr/local/sbin/rsync is openrsync, which lacks what pysync needs of a server',
  });
  expect(await check('echo no libpopt >&2; exit 127')).toMatchObject({
    verdict: 'problem',
    text: '/usr/local/sbin/rsync does not say its version (status 127: no libpopt)',
  });
});
