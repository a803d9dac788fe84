/**
 * `pysync serve` against the system's sshd with an unrestricted key: the time of pushes and pulls, what
 * the server's processor works for them, and the server's memory.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { formatRatio, formatTime, run, takeTurns, time } from './measure.mjs';
import { findFreePort } from './set-up.mjs';
import { writeRandom, writeSmallFiles } from './transfers.mjs';
import { watch } from './usage.mjs';
import { asAccount, createVariant, environment, runPysync } from './variants.mjs';

const parts = { tiny, push, pull, many, memory };

/** What is sent; `--quick` has a short look, whose figures say little. */
const sizes = {
  whole: { mebibytes: 1024, files: 10_000, tiny: 30, large: 7, many: 9 },
  quick: { mebibytes: 64, files: 1000, tiny: 5, large: 3, many: 3 },
};

/** All of them, or those that are named. Each is shown when it is there. */
export async function serve(bench, { quick = false, only = Object.keys(parts) } = {}) {
  const { folder, account, variants, undo } = bench;
  const port = await findFreePort();
  const share = variants[0].share;
  const own = createVariant({ folder, account, port }, 'serve', share);
  runPysync(bench, '--import', own.publicKey);
  const servers = [
    { ...variants[0], name: 'sshd, unrestricted key', usage: watch(bench.sshd, undo) },
    { ...own, name: 'pysync serve', usage: watch(await startServe(bench, port), undo) },
  ];
  const shared = { folder, share, account, servers, size: quick ? sizes.quick : sizes.whole };
  // Memory first: a process of Node keeps what it once had.
  const wanted = Object.keys(parts).filter((name) => only.includes(name));
  const tables = [];
  for (const name of wanted.sort((a, b) => (b === 'memory') - (a === 'memory'))) {
    tables.push(await parts[name](shared));
  }
  return tables.join('\n\n');
}

/** Starts it as the account, announced to nobody, and gives its process when it listens. */
async function startServe({ account, program, folder }, port) {
  const words = [process.execPath, program, 'serve', '--port', port, '--no-pair', '--no-announce'];
  const [command, ...args] = asAccount(account, words);
  const log = join(folder, 'serve.log');
  const out = fs.openSync(log, 'w');
  const options = { env: environment(account), cwd: account.home, detached: true };
  const child = spawn(command, args, { ...options, stdio: ['ignore', out, out] });
  child.unref();
  for (let tries = 0; !fs.readFileSync(log, 'utf8').includes('Receiving on port'); tries += 1) {
    if (tries > 500) throw new Error(`pysync serve did not start: ${fs.readFileSync(log, 'utf8')}`);
    await delay(20);
  }
  return child.pid;
}

/** What a connection costs: the file itself is nothing. */
async function tiny(shared) {
  const file = join(shared.folder, 'tiny');
  fs.writeFileSync(file, 'hello\n');
  return compare(shared, 'a tiny file', shared.size.tiny, {
    before: () => remove(shared.share, 'tiny'),
    args: ({ target }) => ['-a', file, target],
  });
}

async function push(shared) {
  const { mebibytes, large } = shared.size;
  const file = join(shared.folder, 'large');
  writeRandom(file, mebibytes);
  const table = await compare(shared, `push of ${mebibytes} MiB`, large, {
    before: () => remove(shared.share, 'large'),
    args: ({ target }) => ['-a', file, target],
  });
  remove(shared.folder, 'large');
  remove(shared.share, 'large');
  return table;
}

async function pull(shared) {
  const { mebibytes, large } = shared.size;
  const file = join(shared.share, 'large');
  writeRandom(file, mebibytes);
  const table = await compare(shared, `pull of ${mebibytes} MiB`, large, {
    before: () => remove(shared.folder, 'large'),
    args: ({ target }) => ['-a', `${target}large`, `${shared.folder}/`],
  });
  remove(shared.folder, 'large');
  remove(shared.share, 'large');
  return table;
}

async function many(shared) {
  const { files, many: rounds } = shared.size;
  let name = join(shared.folder, 'many');
  writeSmallFiles(name, files);
  let turn = 0;
  // As in transfers.mjs: each under a name of its own.
  const table = await compare(shared, `${files} small files`, rounds, {
    before: () => {
      turn += 1;
      const next = join(shared.folder, `many-${turn}`);
      fs.renameSync(name, next);
      name = next;
    },
    args: ({ target }) => ['-a', name, target],
  });
  fs.rmSync(name, { recursive: true });
  const sent = fs.readdirSync(shared.share).filter((each) => each.startsWith('many-'));
  for (const each of sent) remove(shared.share, each);
  return table;
}

async function compare({ servers }, label, rounds, { before, args }) {
  const work = servers.map(() => []);
  const candidates = servers.map((server, i) => async () => {
    before();
    // What earlier runs have left to write would fall into the time of this one.
    await run(['sync']);
    const begin = server.usage.cpu();
    const elapsed = await time([...server.rsync, ...args(server)]);
    // The server tidies up after the client has ended.
    await delay(200);
    work[i].push(server.usage.cpu() - begin);
    return elapsed;
  });
  const times = await takeTurns(label, rounds, candidates);
  // The round that is not counted is the first.
  for (const each of work) each.shift();
  return [
    `| ${label} (${rounds} rounds) | time | against sshd | processor | against sshd |`,
    '|---|---|---|---|---|',
    ...servers.map(({ name }, i) => {
      const cells = [times, work].flatMap((all) => [
        formatTime(all[i]),
        i === 0 ? '1' : against(all[i], all[0]),
      ]);
      return `| ${[name, ...cells].join(' | ')} |`;
    }),
  ].join('\n');
}

/** Where there is no control group, work below a hundredth of a second is none. */
function against(numbers, base) {
  return base.includes(0) ? 'unknown' : formatRatio(numbers, base);
}

/** Anonymous pages of all processes of a server, idle and at most in transfers. */
async function memory(shared) {
  const file = join(shared.folder, 'large');
  writeRandom(file, shared.size.mebibytes / 4);
  const rows = [];
  for (const server of shared.servers) {
    await delay(2000);
    const idle = server.usage.anonymous();
    const names = Array.from({ length: 8 }, (_, i) => `large-${i}`);
    const send = (name) => run([...server.rsync, '-a', file, `${server.target}${name}`]);
    const pushed = await mostDuring(server, [send('large-0')]);
    const back = [...server.rsync, '-a', `${server.target}large-0`, `${shared.folder}/`];
    const pulled = await mostDuring(server, [run(back)]);
    const eight = await mostDuring(server, names.map(send));
    await delay(2000);
    const after = server.usage.anonymous();
    for (const name of names) remove(shared.share, name);
    remove(shared.folder, 'large-0');
    const cells = [idle, pushed, pulled, eight, after].map((size) => (size / 1024).toFixed(0));
    rows.push(`| ${[server.name, ...cells.map((size) => `${size} MB`)].join(' | ')} |`);
  }
  remove(shared.folder, 'large');
  return [
    '| memory | idle | in a push | in a pull | 8 senders at once | idle after them |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** The most of what is looked at every 100 ms. */
async function mostDuring({ usage }, transfers) {
  let isOver = false;
  const ended = Promise.all(transfers).finally(() => (isOver = true));
  let most = 0;
  while (!isOver) {
    most = Math.max(most, usage.anonymous());
    await Promise.race([ended, delay(100)]);
  }
  await ended;
  return most;
}

function remove(place, name) {
  fs.rmSync(join(place, name), { recursive: true, force: true });
}
