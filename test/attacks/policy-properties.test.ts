/**
 * The attacker has a key and a plain rsync client, and uses any options, trees, links and places in
 * any combination. Whatever it is, the effects must be such as the key's policy allows: nothing of
 * others is removed, read or changed without leave, no link leads out, nothing temporary stays.
 *
 * PYSYNC_RUNS= tries more often, PYSYNC_SEED= the same again. A failure prints its commands.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stage } from '../helpers/policy-stage.js';
import { makeOthers, setStage, undelivered, wrongs } from '../helpers/policy-stage.js';
import { drawnFiles, drawnScenario } from '../helpers/policy-world.js';
import { findText } from '../helpers/receiver.js';

const runs = Number(process.env['PYSYNC_RUNS'] ?? 60);
const seed = process.env['PYSYNC_SEED'];

let stage: Stage;

beforeAll(async () => {
  stage = await setStage();
});

afterAll(() => stage.me.remove());

test(
  'whatever a client does, the effects are such as the policy of its key allows',
  { timeout: 120_000 + runs * 10_000 },
  async () => {
    const options = { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) };
    // A failure is made smaller for a minute; what comes then counts as good, which ends it.
    let deadline = Infinity;
    const property = fc.asyncProperty(drawnScenario, async (scenario) => {
      if (Date.now() > deadline) return;
      const wrong = await wrongs(stage, scenario);
      if (wrong.length > 0) deadline = Math.min(deadline, Date.now() + 60_000);
      expect(wrong).toEqual([]);
    });
    await fc.assert(property, options);
  },
);

const ordinary = ['-a', '-rt', '-avP', '-az', '-aH', '-ab', '-aI', '-as', '-a --delay-updates'];

test('the control: ordinary pushes deliver what is sent', { timeout: 240_000 }, async () => {
  const property = fc.asyncProperty(
    fc.constantFrom('read-write' as const, 'write-only' as const, 'deleting' as const),
    fc.constantFrom(...ordinary, '-a --partial-dir=p', '-a --inplace', '-a --link-dest=../old'),
    drawnFiles,
    async (key, options, tree) => {
      expect(await undelivered(stage, key, options.split(' '), tree)).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns: 15, ...(seed === undefined ? {} : { seed: Number(seed) }) });
});

test('the control: what must not be told is told to a key that may fetch', async () => {
  makeOthers(stage, [{ path: 'a/TOKEN', kind: 'file', size: 40, mode: 0o644, time: 1 }]);
  const reader = stage.peers['read-only'];
  const fetched = await reader.rsync(['-r', `${reader.target}:`, 'got/']);
  expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
  expect(findText(reader.folder, stage.token)).toEqual([`got/a/${stage.token}`]);
});
