/**
 * A lock between pysync processes, made of symbolic links.
 *
 * Node has no flock(2), and a lock file must survive that its holder is killed. So the lock is a
 * symbolic link whose *text* says who holds it: symlink(2) creates and fills it in one step and
 * fails if it exists, readlink(2) reads it in one step, so nobody ever sees half a lock.
 *
 * Taking over from a dead holder must have one winner. Removing the old link first would not do:
 * between "its holder is dead" and the removal another process may have removed it and locked it again,
 * and the removal would hit the new lock. Instead every holding has a random id that never comes
 * back, and who wants to follow the dead holder T claims that with the link `LOCK.T`, which again
 * only one can make. A claimant that dies is followed in the same way, so LOCK and the claims form
 * a chain. Who stands at its end, and finds that LOCK is still the head it started from, is the one
 * successor and renames its claim onto LOCK; otherwise it starts over.
 *
 * A late claim, on a holder that LOCK no longer leads to, means nothing; the next holder sweeps it
 * away. Its maker must not: by then it may be the link that somebody else rightly went past. (The
 * steps were searched in full for three processes and two crashes; this was what the search found.)
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, readlink, rename, symlink, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, PysyncError } from '../errors.js';
import { fileFailure } from './failures.js';
import { printable } from './text.js';

/** A process, told apart from any other that had or will have its number. */
interface Identity {
  readonly pid: number;
  /** When the process started, in whatever form the system tells it. */
  readonly start: string;
  /** Names the machine's present run; empty where the system has no such name. */
  readonly boot: string;
  /** The pid namespace: process numbers mean nothing outside their own. */
  readonly space: string;
  readonly host: string;
}

interface Holder extends Identity {
  readonly id: string;
}

/**
 * Runs `body` while holding the lock at `path`, whose directory must exist and be writable.
 *
 * Waits up to `waitMs` (default 30 s) for another holder, then throws PysyncError `LOCK_HELD`. The
 * lock is not re-entrant. A holder that was killed is followed at once; one that cannot be judged
 * from here (another machine, another container) counts as alive.
 */
export async function withLock<T>(
  path: string,
  body: () => Promise<T>,
  options: { readonly waitMs?: number } = {},
): Promise<T> {
  const mine: Holder = { ...(await ownIdentity()), id: randomBytes(16).toString('hex') };
  try {
    await acquire(path, mine, options.waitMs ?? 30_000);
  } catch (error) {
    throw fileFailure(error, `make the lock ${printable(path)}`);
  }
  try {
    // What cannot be swept does no harm.
    await sweep(path, mine).catch(() => undefined);
    return await body();
  } finally {
    // Not ours any more only if a person removed it, and then it is not ours to remove.
    if ((await readHolder(path))?.id === mine.id) await unlink(path);
  }
}

async function acquire(path: string, mine: Holder, waitMs: number): Promise<void> {
  const giveUpAt = performance.now() + waitMs;
  let pauseMs = 4;
  for (;;) {
    const holder = await tryAcquire(path, mine);
    if (holder === undefined) return;
    if (performance.now() >= giveUpAt) {
      throw new PysyncError(
        'LOCK_HELD',
        `another pysync (process ${holder.pid} on ${printable(holder.host.split(' ')[0] ?? '')}) has held the lock ` +
          `${printable(path)} for longer than ${waitMs / 1000} s`,
        { hints: ['wait for it to end', 'if no such process runs any more, remove that file'] },
      );
    }
    // Jitter, so that processes started together do not keep meeting.
    await sleep(Math.min(pauseMs, giveUpAt - performance.now()) * (0.5 + Math.random() / 2));
    pauseMs = Math.min(pauseMs * 1.5, 60);
  }
}

/** One try: undefined if the lock is ours now, else who is in the way. */
async function tryAcquire(path: string, mine: Holder): Promise<Holder | undefined> {
  if (await createLink(path, mine)) return undefined;
  const head = await readHolder(path);
  if (head === undefined) return tryAcquire(path, mine);
  let last = head;
  let claim = path;
  while (last.id !== mine.id) {
    if (!(await isDead(last, mine))) return last;
    claim = claimOn(path, last);
    last = (await createLink(claim, mine)) ? mine : ((await readHolder(claim)) ?? last);
  }
  // Nobody can claim what follows us while we live, so only the head can have changed.
  if ((await readHolder(path))?.id !== head.id) return tryAcquire(path, mine);
  await rename(claim, path);
  return undefined;
}

/** The name of the link by which one process can follow `holder`. */
function claimOn(path: string, holder: Holder): string {
  return `${path}.${holder.id}`;
}

/**
 * Removes the claims that crashed and late processes left. Whoever holds the lock may remove any
 * claim but those on itself: a claim counts only while it can be reached from the lock.
 */
async function sweep(path: string, mine: Holder): Promise<void> {
  const prefix = `${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    const id = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (!isId(id) || id === mine.id) continue;
    await unlink(join(dirname(path), name)).catch(() => undefined);
  }
}

async function createLink(path: string, holder: Holder): Promise<boolean> {
  try {
    await symlink(JSON.stringify(holder), path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  let text = '';
  try {
    text = await readlink(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    // EINVAL: it is something else than a symbolic link.
    if (errnoOf(error) !== 'EINVAL') throw error;
  }
  const holder = parseHolder(text);
  if (holder !== undefined) return holder;
  throw new PysyncError('LOCK_UNREADABLE', `${printable(path)} is not a lock that pysync made`, {
    hints: ['remove it if no pysync is running'],
  });
}

function parseHolder(text: string): Holder | undefined {
  let read: Partial<Record<keyof Holder, unknown>>;
  try {
    read = Object(JSON.parse(text)) as typeof read;
  } catch {
    return undefined;
  }
  const { pid, start, boot, space, host, id } = read;
  if (!Number.isSafeInteger(pid) || typeof pid !== 'number' || pid <= 0) return undefined;
  if (typeof start !== 'string' || typeof boot !== 'string' || typeof space !== 'string') {
    return undefined;
  }
  // The id becomes part of a file name.
  if (typeof host !== 'string' || typeof id !== 'string' || !isId(id)) return undefined;
  return { pid, start, boot, space, host, id };
}

function isId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** Whether `holder` has ended for certain; false where it cannot be told from here. */
async function isDead(holder: Identity, me: Identity): Promise<boolean> {
  if (holder.boot !== me.boot) {
    // The same machine before it was restarted, or another one that shares this directory.
    return holder.host === me.host;
  }
  if (holder.host !== me.host && me.boot === '') return false;
  if (holder.space !== me.space) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if (errnoOf(error) === 'ESRCH') return true;
  }
  const start = await startOf(holder.pid);
  return start !== undefined && holder.start !== '' && start !== holder.start;
}

let identity: Promise<Identity> | undefined;

function ownIdentity(): Promise<Identity> {
  identity ??= (async () => ({
    pid: process.pid,
    start: (await startOf(process.pid)) ?? '',
    boot: (await readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => '')).trim(),
    space: await readlink('/proc/self/ns/pid').catch(() => ''),
    host: `${hostname()} ${await machineHash()}`,
  }))();
  return identity;
}

/** Tells machines of one name apart; a hash, because machine-id(5) asks not to show the id itself. */
async function machineHash(): Promise<string> {
  const id = await readFile('/etc/machine-id').catch(() => '');
  return createHash('sha256').update('pysync lock').update(id).digest('hex').slice(0, 12);
}

/** When process `pid` started; `ended` for one that only waits to be reaped; undefined: unknown. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    if (process.platform !== 'linux') {
      // Loaded only where it is needed: execa costs more to load than all else here.
      const { run } = await import('./run.js');
      const options = { purpose: 'see when a process started' };
      return (await run('ps', ['-o', 'lstart=', '-p', String(pid)], options)).stdout.trim();
    }
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    // proc(5): the command's name is in brackets and may itself hold any character.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[19];
  } catch {
    return undefined;
  }
}
