/**
 * Pushes of four kinds, each by all three keys in turn.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { formatRatio, formatTime, run, takeTurns, time } from './measure.mjs';

const mebibyte = 1024 * 1024;

/** What a connection costs: the file itself is nothing. */
export async function tiny(bench) {
  const file = join(bench.folder, 'tiny');
  fs.writeFileSync(file, 'hello\n');
  return compare(bench, 'tiny file', 30, {
    before: ({ share }) => fs.rmSync(join(share, 'tiny'), { force: true }),
    args: () => ['-a', file],
  });
}

export async function large(bench) {
  const file = join(bench.folder, 'large');
  writeRandom(file, 1024);
  const table = await compare(bench, '1 GiB of random data', 7, {
    before: ({ share }) => fs.rmSync(join(share, 'large'), { force: true }),
    args: () => ['-a', file],
  });
  return cleanedUp(bench, 'large', table);
}

export async function many(bench) {
  const source = join(bench.folder, 'many');
  writeSmallFiles(source, 10_000);
  // Each under a name of its own: ext4 looks at every inode that was freed within the last minute before it
  // takes another, so removing what an earlier run has sent would be measured instead.
  let name = source;
  let turn = 0;
  const table = await compare(bench, '10,000 small files', 9, {
    before: () => {
      turn += 1;
      const next = `${source}-${turn}`;
      fs.renameSync(name, next);
      name = next;
    },
    args: () => ['-a', name],
  });
  fs.rmSync(name, { recursive: true });
  const { share } = bench.variants[0];
  for (const each of fs.readdirSync(share).filter((sent) => sent.startsWith('many-'))) {
    fs.rmSync(join(share, each), { recursive: true });
  }
  return table;
}

/** Two versions of one file, sent by turns: each run changes the same 1 % back or forth. */
export async function update(bench) {
  const versions = ['one', 'two'].map((name) => join(bench.folder, name, 'changing'));
  for (const path of versions) fs.mkdirSync(join(path, '..'));
  writeRandom(versions[0], 1024);
  fs.copyFileSync(versions[0], versions[1]);
  const descriptor = fs.openSync(versions[1], 'r+');
  const step = 64 * 1024 * 100;
  for (let at = 0; at < 1024 * mebibyte; at += step) {
    fs.writeSync(descriptor, randomBytes(64 * 1024), 0, 64 * 1024, at);
  }
  fs.closeSync(descriptor);
  fs.utimesSync(versions[1], 1e9, 1e9);
  let turn = 0;
  const table = await compare(bench, '1 GiB with 1 % changed', 7, {
    args: () => ['-a', versions[turn++ % 2]],
  });
  for (const path of versions) fs.rmSync(join(path, '..'), { recursive: true });
  return cleanedUp(bench, 'changing', table);
}

async function compare({ variants }, label, rounds, { before, args }) {
  const candidates = variants.map((variant) => async () => {
    before?.(variant);
    // What earlier runs have left to write would fall into the time of this one.
    await run(['sync']);
    return time([...variant.rsync, ...args(), variant.target]);
  });
  const [plain, rrsync, ours] = await takeTurns(label, rounds, candidates);
  return [
    `| ${label} (${rounds} rounds) | time | against unrestricted | against rrsync |`,
    '|---|---|---|---|',
    `| unrestricted key | ${formatTime(plain)} | 1 | ${formatRatio(plain, rrsync)} |`,
    `| rrsync | ${formatTime(rrsync)} | ${formatRatio(rrsync, plain)} | 1 |`,
    `| pysync | ${formatTime(ours)} | ${formatRatio(ours, plain)} | ${formatRatio(ours, rrsync)} |`,
  ].join('\n');
}

/** 100 in each folder. */
export function writeSmallFiles(path, files) {
  for (let i = 0; i < files; i += 1) {
    const folder = join(path, `folder-${Math.floor(i / 100)}`);
    if (i % 100 === 0) fs.mkdirSync(folder, { recursive: true });
    const bytes = 1024 + (((i % 100) * 37) % 4096);
    fs.writeFileSync(join(folder, `file-${i % 100}`), randomBytes(bytes));
  }
}

export function writeRandom(path, mebibytes) {
  const descriptor = fs.openSync(path, 'w');
  for (let i = 0; i < mebibytes; i += 1) fs.writeSync(descriptor, randomBytes(mebibyte));
  fs.closeSync(descriptor);
}

function cleanedUp({ folder, variants }, name, table) {
  for (const place of [folder, variants[0].share]) {
    fs.rmSync(join(place, name), { recursive: true, force: true });
  }
  return table;
}
