/**
 * Makes a scenario that has failed smaller, until each part of it is needed. fast-check's own way
 * keeps the trees of a theme whole, and tries much that cannot fail.
 */
import type { Command } from './policy-commands.js';
import type { Tree } from './policy-tree.js';
import { fitting } from './policy-tree.js';
import type { Scenario } from './policy-world.js';

/** Tries for `seconds` at most. `fails` says whether a scenario still fails in the same way. */
export async function smallest(
  scenario: Scenario,
  fails: (scenario: Scenario) => Promise<boolean>,
  seconds: number,
): Promise<Scenario> {
  const deadline = Date.now() + seconds * 1000;
  let best = scenario;
  let sinceBest = 0;
  // Goes on where it was, since what has been tried in vain mostly stays in vain, and round again.
  for (let next = 0; Date.now() < deadline; next += 1) {
    const candidates = smaller(best);
    const candidate = candidates[next % candidates.length];
    if (candidate === undefined || sinceBest > candidates.length) return best;
    if (await fails(candidate)) {
      best = candidate;
      sinceBest = 0;
      next -= 1;
    } else {
      sinceBest += 1;
    }
  }
  return best;
}

/** Each with one thing less: the largest first, so that what is tried in vain stays short. */
function smaller({ others, transfers }: Scenario): Scenario[] {
  const withTransfer = (i: number, change: Partial<Scenario['transfers'][number]>): Scenario => ({
    others,
    transfers: transfers.map((each, at) => (at === i ? { ...each, ...change } : each)),
  });
  return [
    ...(transfers.length > 1 ? without(transfers) : []).map((fewer) => {
      return { others, transfers: fewer };
    }),
    ...transfers.flatMap(({ command }, i) =>
      simpler(command).map((each) => withTransfer(i, { command: each })),
    ),
    ...(others.length > 2 ? [{ others: [], transfers }] : []),
    ...transfers.flatMap(({ tree }, i) =>
      without(tree).map((fewer) => withTransfer(i, { tree: fitting(fewer) })),
    ),
    ...without(others).map((fewer) => ({ others: fitting(fewer), transfers })),
    ...plainer(others).map((tree) => ({ others: tree, transfers })),
    ...transfers.flatMap(({ tree }, i) =>
      plainer(tree).map((each) => withTransfer(i, { tree: each })),
    ),
  ];
}

function simpler({ cut, ...command }: Command): Command[] {
  const kept = cut === undefined ? {} : { cut };
  const { options, sources, place, pull } = command;
  return [
    ...(cut === undefined ? [] : [command]),
    ...without(options).map((fewer) => ({ ...command, ...kept, options: fewer })),
    ...options.flatMap((word, i) =>
      /^-a./.test(word) ? [{ ...command, ...kept, options: options.with(i, '-a') }] : [],
    ),
    ...(sources.length > 1 ? without(sources) : []).map((fewer) => {
      return { ...command, ...kept, sources: fewer };
    }),
    ...(pull || sources.join() === './' ? [] : [{ ...command, ...kept, sources: ['./'] }]),
    ...(place === '' ? [] : [{ ...command, ...kept, place: '' }]),
  ];
}

function plainer(tree: Tree): Tree[] {
  return tree.flatMap((entry, i): Tree[] => {
    if (entry.kind === 'file' && entry.size > 2) return [tree.with(i, { ...entry, size: 2 })];
    if (entry.kind !== 'folder' || (entry.acl === '' && !entry.marked)) return [];
    return [tree.with(i, { ...entry, acl: '' }), tree.with(i, { ...entry, marked: false })];
  });
}

function without<T>(all: readonly T[]): T[][] {
  return all.map((_each, i) => all.filter((_other, at) => at !== i));
}
