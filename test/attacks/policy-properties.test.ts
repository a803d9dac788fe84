/**
 * The attacker has a key and a plain rsync client, and uses any options, trees, links and places in
 * any combination. Whatever it is, the effects must be such as the key's policy allows: nothing of
 * others is removed, read or changed without leave, no link leads out, nothing temporary stays.
 *
 * In the suite the same scenarios are tried each time, so that a change is judged and not luck.
 * PYSYNC_RUNS= tries so many others, PYSYNC_SEED= the same again. A failure prints its commands.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { smallest } from '../helpers/policy-smaller.js';
import type { Stage } from '../helpers/policy-stage.js';
import { kindsOf, makeOthers, setStage, undelivered, wrongs } from '../helpers/policy-stage.js';
import { drawnFiles, drawnScenario, transcript } from '../helpers/policy-world.js';
import type { Scenario } from '../helpers/policy-world.js';
import { findText } from '../helpers/receiver.js';

const wanted = process.env['PYSYNC_RUNS'];
const runs = Number(wanted ?? 100);
const seed = process.env['PYSYNC_SEED'] ?? (wanted === undefined ? '20261126' : undefined);
const seeded = seed === undefined ? {} : { seed: Number(seed) };

let stage: Stage;

beforeAll(async () => {
  stage = await setStage();
});

afterAll(() => stage.me.remove());

test(
  'whatever a client does, the effects are such as the policy of its key allows',
  { timeout: 120_000 + runs * 10_000 },
  async () => {
    let failed: { scenario: Scenario; wrong: readonly string[] } | undefined;
    const property = fc.asyncProperty(drawnScenario, async (scenario) => {
      const wrong = await wrongs(stage, scenario);
      if (wrong.length > 0) failed = { scenario, wrong };
      return wrong.length === 0;
    });
    const { seed: used } = await fc.check(property, {
      numRuns: runs,
      endOnFailure: true,
      ...seeded,
    });
    if (failed === undefined) return;
    const kind = kindsOf(failed.wrong)[0] ?? '';
    const least = await smallest(
      failed.scenario,
      async (scenario) => kindsOf(await wrongs(stage, scenario)).includes(kind),
      60,
    );
    const wrong = await wrongs(stage, least);
    expect.fail([`PYSYNC_SEED=${used}`, transcript(least), ...wrong].join('\n'));
  },
);

const ordinary = ['-a', '-rt', '-avP', '-az', '-aH', '-ab', '-aI', '-as', '-a --delay-updates'];

test('the control: ordinary pushes deliver what is sent', { timeout: 240_000 }, async () => {
  const property = fc.asyncProperty(
    fc.constantFrom('read-write' as const, 'write-only' as const, 'deleting' as const),
    // A name that no file has: rsync sends nothing that is called as its folder for parts.
    fc.constantFrom(...ordinary, '-a --partial-dir=.p', '-a --inplace', '-a --link-dest=/old'),
    drawnFiles,
    async (key, options, tree) => {
      expect(await undelivered(stage, key, options.split(' '), tree)).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns: 15, ...seeded });
});

test('the control: what must not be told is told to a key that may fetch', async () => {
  makeOthers(stage, [{ path: 'a/TOKEN', kind: 'file', size: 40, mode: 0o644, time: 1 }]);
  const reader = stage.peers['read-only'];
  const fetched = await reader.rsync(['-r', `${reader.target}:`, 'got/']);
  expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
  expect(findText(reader.folder, stage.token)).toEqual([`got/a/${stage.token}`]);
});
