/**
 * node bench/soak.mjs [ROUNDS]: kills the program that serves a capped share at a random moment of
 * a transfer, until ROUNDS transfers (default 50) were cut off by it, and after each time has a peer
 * compare by checksum all that rsync has reported as done. The next connection alone has to repair the mount. At the end the
 * file system is checked. Ends with 1 where anything was lost.
 *
 * Done is what rsync says it is: with --remove-source-files a sender removes a file once the
 * receiver has confirmed it.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cleaningUp } from './clean-up.mjs';
import { endProcesses, listProcesses } from './processes.mjs';
import { setUp } from './set-up.mjs';
import { asAccount, environment } from './variants.mjs';

const rounds = Number(process.argv[2] ?? 50);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  console.error('usage: node bench/soak.mjs [ROUNDS]');
  process.exit(2);
}

const e2fsck = '/usr/sbin/e2fsck';
const fusermount = '/usr/bin/fusermount3';

/** So slowly that most kills come before the end. */
const slowly = ['-a', '--remove-source-files', '--bwlimit=8M'];

await cleaningUp(async (undo) => {
  process.exitCode = (await soak(await setUp(undo))) ? 0 : 1;
});

async function soak({ folder, account, program, variants, undo }) {
  const { share, rsync, target } = variants.find(({ name }) => name === 'pysync');
  undo.push(() => {
    // Before the home is removed, which stands on it; -l, as what is mounted may be dead.
    endProcesses((each) => each.uid === account.uid && each.name === 'fuse2fs');
    spawnSync(fusermount, ['-u', '-z', share]);
  });
  const own = (argv) => {
    const [command, ...args] = asAccount(account, argv);
    return execFileSync(command, args, {
      env: environment(account),
      cwd: account.home,
      encoding: 'utf8',
    });
  };
  const pysync = (...args) => own([process.execPath, program, ...args]);
  pysync('--size', '512M', '--engine', 'e2fsprogs');
  const volumes = join(account.home, '.local/share/pysync/volumes');
  const image = join(
    volumes,
    fs.readdirSync(volumes).find((name) => name.endsWith('.img')),
  );
  const server = () =>
    listProcesses().find((each) => each.name === 'fuse2fs' && each.commandLine.includes(image));

  /** Everything that was ever done: name → SHA-256. */
  const done = new Map();
  const counts = { killed: 0, cut: 0, again: 0 };
  let isWhole = true;
  for (let round = 1; counts.cut < rounds; round += 1) {
    if (round > 3 * rounds) throw new Error('hardly any kill comes in time to cut a transfer off');
    const queue = join(folder, 'queue');
    const sums = fillQueue(queue, round);
    const [command, ...words] = [...rsync, ...slowly, `${queue}/`, target];
    const transfer = spawn(command, words, { cwd: folder, stdio: 'ignore' });
    const end = new Promise((resolve) => transfer.once('close', resolve));
    const wait = randomInt(100, 1800);
    const killed = await killWithin(server, end, wait);
    const status = await end;
    counts.killed += killed ? 1 : 0;
    counts.cut += status === 0 ? 0 : 1;
    for (const [name, sum] of sums) if (!fs.existsSync(join(queue, name))) done.set(name, sum);
    // The next connection repairs the mount. What was not done is sent again, or not, at random.
    if (randomInt(2) === 0) {
      counts.again += 1;
      const { status: next, stderr } = run([
        ...rsync,
        '-a',
        '--remove-source-files',
        `${queue}/`,
        target,
      ]);
      if (next !== 0) fail(round, `the next transfer ended with ${next}: ${stderr}`);
      for (const [name, sum] of sums) if (!fs.existsSync(join(queue, name))) done.set(name, sum);
    }
    fs.rmSync(queue, { recursive: true });
    compare(round);
    const text = `round ${round}: killed after ${wait} ms, rsync ended with ${status}, ${done.size} files done`;
    if (process.stdout.isTTY || round % 10 === 0) console.log(text);
    makeRoom();
  }
  pysync('unmount');
  const { status, stdout } = spawnSync(e2fsck, ['-fn', image], { encoding: 'utf8' });
  if (status !== 0) fail('end', `e2fsck -fn ended with ${status}:\n${stdout}`);
  console.log(
    `killed ${counts.killed} times, ${counts.cut} transfers cut, ` +
      `${counts.again} sent again, ${done.size} files compared at the end, ` +
      `e2fsck ${status === 0 ? 'clean' : 'NOT CLEAN'}: ${isWhole ? 'nothing lost' : 'FAILED'}`,
  );
  return isWhole;

  function fail(round, text) {
    isWhole = false;
    console.error(`round ${round}: ${text}`);
  }

  /** Fetches all that was done, through the gate, and compares. */
  function compare(round) {
    const got = join(folder, 'got');
    fs.rmSync(got, { recursive: true, force: true });
    const { status, stderr } = run([...rsync, '-a', target, `${got}/`]);
    if (status !== 0) fail(round, `fetching ended with ${status}: ${stderr}`);
    for (const [name, sum] of done) {
      const path = join(got, name);
      if (!fs.existsSync(path)) fail(round, `${name} is lost`);
      else if (sha256(fs.readFileSync(path)) !== sum) fail(round, `${name} has changed`);
    }
  }

  /** Removes what was done long ago, so that the volume never runs full. */
  function makeRoom() {
    const old = [...done.keys()].slice(0, Math.max(0, done.size - 400));
    for (const name of old) done.delete(name);
    if (old.length > 0) own(['rm', '-f', ...old.map((name) => join(share, name))]);
  }
}

/** Small files and a few large ones, under names that no other round has. */
function fillQueue(queue, round) {
  const sums = new Map();
  for (let i = 0; i < 60; i += 1) {
    const size = i % 12 === 0 ? randomInt(1, 6 * 2 ** 20) : randomInt(1, 65_536);
    const name = `d${i % 5}/r${round}-${i}`;
    const content = randomBytes(size);
    fs.mkdirSync(join(queue, `d${i % 5}`), { recursive: true });
    fs.writeFileSync(join(queue, name), content);
    sums.set(name, sha256(content));
  }
  return sums;
}

/** Kills the serving program `wait` ms after it is there; false where the transfer ended first. */
async function killWithin(server, end, wait) {
  const first = await Promise.race([end.then(() => 'end'), delay(wait).then(() => 'time')]);
  for (let tries = 0; tries < 200; tries += 1) {
    const found = server();
    if (found !== undefined) {
      process.kill(found.pid, 'SIGKILL');
      return first === 'time';
    }
    await delay(5);
  }
  return false;
}

function run([command, ...args]) {
  return spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 });
}

function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}
