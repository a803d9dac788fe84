/**
 * What a cap costs: the same transfers over ssh into a share without one, and into volumes mounted
 * by the kernel (as root only) and by fuse2fs; and what making a volume takes.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { formatRatio, formatTime, run, takeTurns, time } from './measure.mjs';
import { writeRandom } from './transfers.mjs';
import { asAccount, createVariant, runPysync } from './variants.mjs';

const size = '3G';

export async function volumes(bench) {
  const variants = createShares(bench);
  const tables = [];
  const big = join(bench.folder, 'big');
  writeRandom(big, 1024);
  tables.push(await compare('1 GiB in one file', 3, variants, big));
  fs.rmSync(big);
  const folders = join(bench.folder, 'folders');
  writeFiles(folders, 50, 100, () => 4096 + Math.floor(Math.random() * 61_440));
  tables.push(await compare('5,000 files of 4–64 KiB in 50 folders', 3, variants, folders));
  fs.rmSync(folders, { recursive: true });
  const one = join(bench.folder, 'one');
  writeFiles(one, 1, 10_000, () => 1024);
  tables.push(await compare('10,000 files of 1 KiB in one folder', 2, variants, one));
  fs.rmSync(one, { recursive: true });
  tables.push(memoryOfMount(variants), await creation(bench));
  return tables.join('\n\n');
}

/** Shares of one account, each with a key of its own. */
function createShares(bench) {
  const { account, undo } = bench;
  const names = ['uncapped', 'fuse2fs', ...(process.getuid() === 0 ? ['loop'] : [])];
  return names.map((name) => {
    const share = join(account.home, name);
    const variant = { ...createVariant(bench, name, share), account };
    const cap = name === 'uncapped' ? [] : ['--size', size, '--engine', 'e2fsprogs'];
    runPysync(bench, '--import', variant.publicKey, '--dir', share, ...cap);
    if (name !== 'uncapped') undo.push(() => execFileSync('umount', ['-l', share]));
    if (name === 'loop') {
      runPysync(bench, 'unmount', share);
      execFileSync('mount', ['-o', 'loop,nosuid,nodev,noexec', imageOf(account, share), share]);
    }
    return variant;
  });
}

function imageOf({ home }, share) {
  const data = join(home, '.local/share/pysync');
  const { shares } = JSON.parse(fs.readFileSync(join(data, 'shares.json'), 'utf8'));
  return join(data, 'volumes', `${shares.find(({ path }) => path === share).volume.id}.img`);
}

async function compare(label, rounds, variants, source) {
  const candidates = variants.map((variant) => async () => {
    // Root may not enter what a user has mounted with FUSE.
    await run(asAccount(variant.account, ['find', variant.share, '-mindepth', '1', '-delete']));
    await run(['sync']);
    return time([...variant.rsync, '-a', source, variant.target]);
  });
  const [plain, ...others] = await takeTurns(label, rounds, candidates);
  return [
    `| ${label} (${rounds} rounds) | time | time against uncapped | speed against uncapped |`,
    '|---|---|---|---|',
    `| uncapped | ${formatTime(plain)} | 1 | 1 |`,
    ...others.map((times, i) => {
      const row = [variants[i + 1].name, formatTime(times), formatRatio(times, plain)];
      return `| ${[...row, formatRatio(plain, times)].join(' | ')} |`;
    }),
  ].join('\n');
}

function writeFiles(folder, folders, files, bytes) {
  for (let i = 0; i < folders; i += 1) {
    const path = join(folder, `folder-${i}`);
    fs.mkdirSync(path, { recursive: true });
    for (let k = 0; k < files; k += 1) {
      fs.writeFileSync(join(path, `file-${k}`), randomBytes(bytes()));
    }
  }
}

function memoryOfMount(variants) {
  const share = variants.find(({ name }) => name === 'fuse2fs').share;
  const pids = execFileSync('pgrep', ['-f', `fuse2fs .* ${share} `], { encoding: 'utf8' });
  const status = fs.readFileSync(`/proc/${pids.trim().split('\n').at(-1)}/status`, 'utf8');
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  return `Memory of fuse2fs after these transfers: ${(kilobytes / 1024).toFixed(1)} MB.`;
}

/** Making a volume of 1G and one of 10G, by turns, with e2fsprogs. */
async function creation(bench) {
  const sizes = ['1G', '10G'];
  const candidates = sizes.map((each) => async () => {
    const share = join(bench.account.home, `made-${each}`);
    const begin = process.hrtime.bigint();
    runPysync(bench, '--size', each, '--dir', share, '--engine', 'e2fsprogs');
    const elapsed = Number(process.hrtime.bigint() - begin) / 1e6;
    runPysync(bench, '--size', 'none', '--dir', share, '--yes');
    return elapsed;
  });
  const [small, large] = await takeTurns('making volumes', 5, candidates);
  return [
    '| making a volume (e2fsprogs, 5 rounds) | time | against 1G |',
    '|---|---|---|',
    `| 1G | ${formatTime(small)} | 1 |`,
    `| 10G | ${formatTime(large)} | ${formatRatio(large, small)} |`,
  ].join('\n');
}
