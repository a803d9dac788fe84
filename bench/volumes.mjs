/**
 * What a cap costs: the same transfers over ssh into a share without one, and into volumes mounted
 * by the kernel (as root only) and by fuse2fs, there also without rsync's fsyncs; and what
 * making a volume takes.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { formatRatio, formatTime, median, run, takeTurns, time } from './measure.mjs';
import { writeRandom } from './transfers.mjs';
import { asAccount, createVariant, runPysync } from './variants.mjs';

const size = '3G';

export async function volumes(bench) {
  const variants = createShares(bench);
  const files = (amount) => ({ amount, unit: 'files/s' });
  const big = join(bench.folder, 'big');
  writeRandom(big, 1024);
  const bytes = { amount: 2 ** 30 / 1e6, unit: 'MB/s' };
  // All together takes its time, so each is shown when it is there.
  console.log(`\n${await compare('1 GiB in one file', 3, variants, big, bytes)}`);
  fs.rmSync(big);
  const folders = join(bench.folder, 'folders');
  writeFiles(folders, 50, 100, () => 4096 + Math.floor(Math.random() * 61_440));
  const many = '5,000 files of 4–64 KiB in 50 folders';
  console.log(`\n${await compare(many, 3, variants, folders, files(5000))}`);
  fs.rmSync(folders, { recursive: true });
  const one = join(bench.folder, 'one');
  writeFiles(one, 1, 10_000, () => 1024);
  const label = '10,000 files of 1 KiB in one folder';
  console.log(`\n${await compare(label, 2, variants, one, files(10_000))}`);
  fs.rmSync(one, { recursive: true });
  return memoryOfMount(variants);
}

/** How long `--size` takes, by either engine. */
export async function creation(bench) {
  const fast = await create(bench, 'e2fsprogs', 7);
  return [fast, await create(bench, 'libguestfs', 2)].join('\n\n');
}

/**
 * Shares of one account, each with a key of its own, and one more with which rsync does not fsync.
 */
function createShares(bench) {
  const { account, undo } = bench;
  const kinds = ['uncapped', 'fuse2fs', ...(process.getuid() === 0 ? ['loop'] : [])];
  const variants = kinds.flatMap((kind) => {
    const share = join(account.home, kind);
    // Into what the kernel mounts, rsync does not fsync anyway.
    const names = kind === 'fuse2fs' ? [kind, `${kind} without fsync`] : [kind];
    const cap = kind === 'uncapped' ? [] : ['--size', size, '--engine', 'e2fsprogs'];
    return names.map((name) => {
      const variant = createVariant(bench, name.replaceAll(' ', '-'), share);
      runPysync(bench, '--import', variant.publicKey, '--dir', share, ...cap);
      return { ...variant, name, account };
    });
  });
  for (const kind of kinds.slice(1)) {
    const share = join(account.home, kind);
    undo.push(() => execFileSync('umount', ['-l', share]));
    if (kind !== 'loop') continue;
    runPysync(bench, 'unmount', share);
    const options = 'loop,nosuid,nodev,noexec,noinit_itable';
    execFileSync('mount', ['-o', options, imageOf(account, share), share]);
  }
  for (const { name, publicKey } of variants) {
    if (name.endsWith('without fsync')) dropFsync(account, publicKey);
  }
  return variants;
}

function imageOf(account, share) {
  const data = dataOf(account);
  const { shares } = JSON.parse(fs.readFileSync(join(data, 'shares.json'), 'utf8'));
  return join(data, 'volumes', `${shares.find(({ path }) => path === share).volume.id}.img`);
}

function dataOf({ home }) {
  return join(home, '.local/share/pysync');
}

/** Has the key start a launcher with settings of its own, of an rsync which knows no `--fsync`. */
function dropFsync(account, publicKey) {
  const data = dataOf(account);
  const launcher = join(data, 'launcher');
  const home = join(account.home, 'without-fsync');
  const other = join(home, 'pysync/launcher');
  const replaced = (text, from, to) => {
    if (!text.includes(from)) throw new Error(`nothing to replace: ${from}`);
    return text.replace(from, to);
  };
  fs.mkdirSync(join(home, 'pysync'), { recursive: true });
  for (const name of ['shares.json', 'volumes']) {
    fs.symlinkSync(join(data, name), join(home, 'pysync', name));
  }
  const change = (name, from, to) => {
    const text = fs.readFileSync(join(data, name), 'utf8');
    fs.writeFileSync(join(home, 'pysync', name), replaced(text, from, to), { mode: 0o755 });
  };
  change('settings.json', '"syncsFiles": true', '"syncsFiles": false');
  change('launcher', `data=${join(account.home, '.local/share')}`, `data=${home}`);
  const file = join(account.home, '.ssh/authorized_keys');
  const [, body] = publicKey.split(' ');
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  const changed = lines.map((line) =>
    line.includes(body) ? replaced(line, launcher, other) : line,
  );
  fs.writeFileSync(file, changed.join('\n'));
}

async function compare(label, rounds, variants, source, { amount, unit }) {
  const candidates = variants.map((variant) => async () => {
    // Root may not enter what a user has mounted with FUSE.
    await run(asAccount(variant.account, ['find', variant.share, '-mindepth', '1', '-delete']));
    await run(['sync', '-f', variant.account.home]);
    return time([...variant.rsync, '-a', source, variant.target]);
  });
  const all = await takeTurns(label, rounds, candidates);
  const [plain] = all;
  return [
    `| ${label} (${rounds} rounds) | time | ${unit} | speed against uncapped |`,
    '|---|---|---|---|',
    ...all.map((times, i) => {
      const rate = ((amount / median(times)) * 1000).toFixed(0);
      const ratio = i === 0 ? '1' : formatRatio(plain, times);
      return `| ${[variants[i].name, formatTime(times), rate, ratio].join(' | ')} |`;
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
  const kilobytes = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]);
  return `Memory of fuse2fs in these transfers, at most: ${(kilobytes / 1024).toFixed(1)} MB.`;
}

/** Making a small volume and the largest the disk has room for, by turns. */
async function create(bench, engine, rounds) {
  const sizes = ['1G', largestSize(bench)];
  const candidates = sizes.map((each) => async () => {
    const share = join(bench.account.home, `made-${each}`);
    const begin = process.hrtime.bigint();
    runPysync(bench, '--size', each, '--dir', share, '--engine', engine);
    const elapsed = Number(process.hrtime.bigint() - begin) / 1e6;
    runPysync(bench, '--size', 'none', '--dir', share, '--yes');
    return elapsed;
  });
  const [small, large] = await takeTurns('making volumes', rounds, candidates);
  return [
    `| making a volume (${engine}, ${rounds} rounds) | time | against 1G |`,
    '|---|---|---|',
    `| 1G | ${formatTime(small)} | 1 |`,
    `| ${sizes[1]} | ${formatTime(large)} | ${formatRatio(large, small)} |`,
  ].join('\n');
}

function largestSize({ folder }) {
  const { bavail, bsize } = fs.statfsSync(folder);
  const gigabytes = [100, 50, 20, 10].find((each) => (each + 10) * 2 ** 30 < bavail * bsize);
  return `${gigabytes ?? 2}G`;
}
