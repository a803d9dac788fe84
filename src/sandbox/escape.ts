/**
 * Trying to get out of the sandbox, in all the ways a program in it could: with what it holds, which
 * is a shell and rsync. What got through is seen at its effect outside, wherever it has one.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '../system/run.js';
import { tryInSandbox, withTrialShare } from './trial.js';
import type { Trial } from './trial.js';
import type { SandboxSettings } from './sandbox.js';

/** Everything that is tried, with what a person is told where it succeeds. */
const attempts = {
  'read-beside': 'read a file beside the share',
  'list-home': 'list your home folder',
  'read-etc': 'read /etc/passwd',
  'read-proc': 'look at other processes in /proc',
  'own-mounts': 'learn from /proc where on this machine the share lies',
  'write-outside': 'write a file outside the share',
  'write-hidden': 'write files that nobody sees, into memory',
  'write-read-only': 'write into the share while it may only fetch',
  'run-programs': 'run a program that is not in the sandbox',
  connect: 'connect to a program on this machine over the network',
  'see-network': "see this machine's network devices",
  kill: 'end a process outside the sandbox',
} as const;

type Escape = keyof typeof attempts;

export interface Escapes {
  /** What got through, in words. */
  readonly broken: readonly string[];
  /** Why the sandbox did not even start; undefined where it did. */
  readonly failure: string | undefined;
}

/**
 * Runs in order of harm: the last one may end the probe itself. Each line that says `got` names one
 * of the attempts. Of special built-ins a failed redirection ends the shell, hence the subshells.
 */
const script = `
secret=$1 home=$2 port=$3 rsync=$4 root=$5
shift 5
for victim do :; done
exec 2>/dev/null
echo in >"$root/written" && echo started
got() { echo "got $*"; }
read -r line <"$secret" && got read-beside
for name in "$home"/* "$home"/.[!.]*; do
  if [ -e "$name" ] || [ -h "$name" ]; then echo "home $name"; fi
done
read -r line </etc/passwd && got read-etc
read -r line <"/proc/$victim/stat" && got read-proc
read -r line </proc/self/mountinfo && got own-mounts
while [ $# -gt 1 ]; do
  (: >"$1") && echo "wrote $1"
  shift
done
for program in /usr/bin/env /bin/cat /usr/bin/id; do
  ("$program" --version >/dev/null) && got run-programs
done
for device in /sys/class/net/*; do
  [ -e "$device" ] && got see-network
done
read -r line </proc/net/dev && got see-network
"$rsync" --contimeout=2 --timeout=2 "rsync://127.0.0.1:$port/"
kill -9 "$victim"
echo ended
`;

/** Outside: a process to be ended, which is asked afterwards what has ended it. */
const around = `
sleep 30 >/dev/null 2>&1 &
victim=$!
"$@" "$victim"
kill -TERM "$victim" 2>/dev/null
wait "$victim" 2>/dev/null
echo "victim $?"
`;

/** Makes all attempts in the sandbox of these settings; its own files go into `parent`. */
export async function findEscapes(settings: SandboxSettings, parent: string): Promise<Escapes> {
  const got = new Set<Escape>();
  const failure = await withTrialShare(parent, settings, async (trial) => {
    const reason = await tryAll(settings, trial, got);
    if (reason === undefined) await tryReadOnly(settings, trial, got);
    return reason;
  });
  const broken = (Object.keys(attempts) as Escape[]).filter((escape) => got.has(escape));
  return { broken: broken.map((escape) => attempts[escape]), failure };
}

async function tryAll(
  settings: SandboxSettings,
  trial: Trial,
  got: Set<Escape>,
): Promise<string | undefined> {
  const { folder, session, root } = trial;
  const secret = join(folder, 'beside');
  writeFileSync(secret, 'a file that no peer may read\n');
  const mark = `.pysync-doctor-${randomBytes(8).toString('hex')}`;
  const listener = await listen();
  const marks = ['/', '/tmp', '/var/tmp', '/dev', '/log', '/usr', homedir(), folder].map((place) =>
    join(place, mark),
  );
  const written: string[] = [];
  const words = [secret, homedir(), String(listener.port), settings.rsync, root];
  const program = [settings.sh, '-c', script, 'sh', ...words, ...marks];
  let result: RunResult;
  try {
    result = await tryInSandbox(settings, session, program, around);
  } finally {
    listener.close();
    for (const path of marks) if (existsSync(path)) written.push(path);
    for (const path of written) rmSync(path, { force: true });
  }
  const lines = result.stdout.split('\n');
  if (!lines.includes('started') || !existsSync(join(session.share, 'written'))) {
    const [line = ''] = result.stderr.trim().split('\n');
    return line === '' ? 'it ends before it has begun' : line;
  }
  for (const escape of Object.keys(attempts) as Escape[]) {
    if (lines.includes(`got ${escape}`)) got.add(escape);
  }
  if (valuesOf(lines, 'home').some((name) => !isOfSandbox(name, settings))) got.add('list-home');
  for (const place of valuesOf(lines, 'wrote')) {
    got.add(written.includes(place) ? 'write-outside' : 'write-hidden');
  }
  if (listener.connections() > 0) got.add('connect');
  // 128 + SIGTERM: it lived until we ended it.
  if (!lines.includes('victim 143')) got.add('kill');
  return undefined;
}

function valuesOf(lines: readonly string[], word: string): string[] {
  return lines.flatMap((line) =>
    line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : [],
  );
}

/** Whether the name is there because a program of the sandbox lies in the home. */
function isOfSandbox(name: string, { rsync, sh, libraries }: SandboxSettings): boolean {
  return [rsync, sh, ...libraries].some((path) => path === name || path.startsWith(`${name}/`));
}

/** The sandbox of a peer who may only fetch. */
async function tryReadOnly(
  settings: SandboxSettings,
  { session, root }: Trial,
  got: Set<Escape>,
): Promise<void> {
  const program = [settings.sh, '-c', ': >"$1/changed"', 'sh', root];
  await tryInSandbox(settings, { ...session, readOnly: true }, program);
  if (existsSync(join(session.share, 'changed'))) got.add('write-read-only');
}

interface Listener {
  readonly port: number;
  readonly connections: () => number;
  readonly close: () => void;
}

/** A server that counts who comes, and says nothing. */
function listen(): Promise<Listener> {
  return new Promise((resolve, reject) => {
    let count = 0;
    const server = createServer((socket) => {
      count += 1;
      socket.on('error', () => undefined);
      socket.destroy();
    });
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        connections: () => count,
        close: () => server.close(),
      });
    });
  });
}
