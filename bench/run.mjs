/**
 * npm run bench [-- PART…] [--quick]: what pysync costs, as ratios of runs that take turns, against a key
 * that nothing restricts and against rsync's own rrsync, for one account on one sshd.
 *
 * Parts: tiny, large, many, update, memory, start, volumes, creation, serve; all of them without a name.
 * `serve` measures an ssh server of pysync's own, with less of everything where `--quick` is given.
 * Prints Markdown to standard output. As root it makes a throw-away account; otherwise it uses the
 * one it runs as, with a home of its own; either lies in TMPDIR. All it makes is removed at the end,
 * also on Ctrl-C.
 */
import { parseArgs } from 'node:util';
import { cleaningUp } from './clean-up.mjs';
import { setUp } from './set-up.mjs';
import { memory } from './memory.mjs';
import { serve } from './serve.mjs';
import { start } from './start.mjs';
import { large, many, tiny, update } from './transfers.mjs';
import { creation, volumes } from './volumes.mjs';

const parts = { tiny, large, many, update, memory, start, volumes, creation, serve };

const { values: options, positionals: wanted } = parseArgs({
  options: { quick: { type: 'boolean' } },
  allowPositionals: true,
});
const unknown = wanted.filter((name) => !Object.hasOwn(parts, name));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}

await cleaningUp(async (undo) => {
  const bench = await setUp(undo);
  console.log(bench.description);
  for (const [name, run] of Object.entries(parts)) {
    if (wanted.length === 0 || wanted.includes(name)) console.log(`\n${await run(bench, options)}`);
  }
});
