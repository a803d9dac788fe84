/**
 * Two programs that write one ext4 destroy it. A tool outlives a pysync that is killed, so it is the
 * tool that holds the image's lock; one that makes a new image ends with its pysync instead.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import type { ExecOptions, ExecResult } from '../../helpers/exec.js';
import { createMountSpace } from '../../helpers/mount-space.js';
import type { MountSpace } from '../../helpers/mount-space.js';
import { needsRoot } from '../../helpers/root.js';
import { waitFor } from '../../helpers/tmp.js';
import { mustSucceed } from '../../helpers/volumes.js';

needsRoot('a stub');

let account: Account;
let space: MountSpace;
let share: string;

beforeEach(async () => {
  account = await createAccount();
  space = await createMountSpace(account);
  share = join(account.home, 'share');
  await space.exec(['mkfifo', join(space.folder, 'go')]);
});

afterEach(async () => {
  await space.close();
  await account.remove();
});

function pysync(words: () => readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const program = join(inject('program'), 'bin/pysync.js');
  const env = { HOME: account.home, USER: account.name };
  return space.exec([inject('node'), program, ...words()], { env, timeoutMs: 60_000, ...options });
}

const mount = (): string[] => ['mount'];
const size = (text: string) => (): string[] => {
  return ['--dir', share, '--size', text, '--engine', 'e2fsprogs'];
};

/** `tool` reports any two of its kind at once, and the first of them waits for the fifo `go`. */
async function watch(tool: string, isFirst: boolean): Promise<void> {
  const wait = `if mkdir once 2>/dev/null; then echo $$ >pid; mv pid first; read -r line <go; fi`;
  await space.standIn(
    tool,
    `cd '${space.folder}' || exit
    for pid in $(cat pids 2>/dev/null); do
      case $(cat /proc/$pid/stat 2>/dev/null) in ''|*') Z '*) ;; *) echo "$0 $*" >>overlaps ;; esac
    done
    echo $$ >>pids
    ${isFirst ? wait : ''}
    exec "$real" "$@"`,
  );
}

const seen = (name: string): boolean => existsSync(join(space.folder, name));

/** Starts pysync, and kills it so when the watched tool is at work; gives that tool's number. */
async function killAtWork(words: () => readonly string[], signal: NodeJS.Signals): Promise<number> {
  let early: ExecResult | undefined;
  const running = pysync(words).then((result) => (early = result));
  await waitFor('the tool', () => {
    if (early !== undefined) throw new Error(`it has ended before: ${early.stderr}`);
    return seen('first');
  });
  const pid = Number(readFileSync(join(space.folder, 'first'), 'utf8'));
  const parent = Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  process.kill(parent, signal);
  await running;
  return pid;
}

const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}/stat`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');

/** Whether somebody waits for the lock of an image, seen by proc_locks(5). */
const isWaiting = (): boolean => readFileSync('/proc/locks', 'utf8').includes('-> FLOCK');

async function leaveDirty(): Promise<void> {
  const { stdout } = await space.exec(['pgrep', '-u', String(account.uid), 'fuse2fs']);
  for (const pid of stdout.trim().split('\n')) process.kill(Number(pid), 'SIGKILL');
  await space.exec(['fusermount3', '-u', '-z', share]);
}

async function goOn(): Promise<void> {
  writeFileSync(join(space.folder, 'go'), 'on\n');
  await Promise.resolve();
}

async function expectMountedAlone(): Promise<void> {
  expect(seen('overlaps') ? readFileSync(join(space.folder, 'overlaps'), 'utf8') : '').toBe('');
  mustSucceed(await pysync(() => ['unmount', share]));
  const image = execFileSync('sh', [
    '-c',
    `echo ${account.home}/.local/share/pysync/volumes/*.img`,
  ]);
  mustSucceed(await space.exec(['dumpe2fs', '-h', image.toString().trim()]));
  mustSucceed(await space.exec(['e2fsck', '-fn', image.toString().trim()]));
}

test.each([
  ['checks', '/usr/sbin/e2fsck', mount, mount],
  ['grows', '/usr/sbin/resize2fs', size('64M'), mount],
  ['allocates', '/usr/bin/fallocate', size('64M'), mount],
  ['sets reserved blocks', '/usr/sbin/tune2fs', size('64M'), size('64M')],
])(
  'a tool that %s continues when its pysync is killed, and the next one waits for it',
  async (_what, tool, first, next) => {
    mustSucceed(await pysync(size('32M')));
    if (first === mount) await leaveDirty();
    else mustSucceed(await pysync(() => ['unmount', share]));
    await watch(tool, true);
    const others = ['/usr/sbin/e2fsck', '/usr/sbin/debugfs', '/usr/bin/fuse2fs'];
    for (const other of others) if (other !== tool) await watch(other, false);
    const pid = await killAtWork(first, 'SIGKILL');
    expect(isAlive(pid)).toBe(true);
    const following = pysync(next);
    await waitFor('the next one', () => seen('overlaps') || isWaiting());
    await goOn();
    mustSucceed(await following);
    await expectMountedAlone();
  },
);

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'a tool ends with its pysync on %s, and the next one finds the image free',
  async (signal) => {
    mustSucceed(await pysync(size('32M')));
    await leaveDirty();
    await watch('/usr/sbin/e2fsck', true);
    const pid = await killAtWork(mount, signal);
    await waitFor('its end', () => !isAlive(pid));
    mustSucceed(await pysync(mount));
    await expectMountedAlone();
  },
);

test.each(['/usr/sbin/mke2fs', '/usr/bin/fallocate'])(
  'what makes a new image ends with its pysync, however that ends: %s',
  async (tool) => {
    await watch(tool, true);
    const pid = await killAtWork(size('32M'), 'SIGKILL');
    await waitFor('its end', () => !isAlive(pid));
    mustSucceed(await pysync(size('32M')));
    await expectMountedAlone();
  },
);
