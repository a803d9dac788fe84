/**
 * Commands as a test runs them: as another user, in a network namespace, with an environment of
 * its own, and never without a time limit.
 */
import { execa } from 'execa';

export interface Ids {
  readonly uid: number;
  readonly gid: number;
}

export interface ExecOptions {
  readonly cwd?: string;
  /** Added to PATH and LC_ALL; nothing else is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Milliseconds until the whole process group is killed and the call throws; default 30 s. */
  readonly timeoutMs?: number;
  /** The network namespace to run in. */
  readonly netns?: string;
  /** The user to run as; default the one who runs the tests. */
  readonly as?: Ids;
  /** Ends the whole process group when aborted; the result is then that of a killed command. */
  readonly signal?: AbortSignal;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit status; 128 + 9 as in a shell where the command was killed. */
  readonly exitCode: number;
}

export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Runs `argv` to its end. A failed command is a result; only one that hangs or can't start throws. */
export async function exec(
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const [command = '', ...args] = wrap(argv, options);
  const timeoutMs = options.timeoutMs ?? 30_000;
  const child = execa(command, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { PATH: systemPath, LC_ALL: 'C.UTF-8', ...options.env },
    extendEnv: false,
    input: options.input ?? '',
    reject: false,
    stripFinalNewline: false,
    // A group of its own, so that what the command starts ends with it.
    detached: true,
  });
  const timeLimit = AbortSignal.timeout(timeoutMs);
  const end = AbortSignal.any([
    timeLimit,
    ...(options.signal === undefined ? [] : [options.signal]),
  ]);
  end.addEventListener('abort', () => {
    endGroup(child.pid);
  });
  const result = await child;
  if (timeLimit.aborted) {
    throw new Error(`no end within ${timeoutMs} ms: ${argv.join(' ')}\n${result.stderr}`);
  }
  if (result.exitCode === undefined && result.signal === undefined) {
    throw new Error(`could not start ${command}: ${result.shortMessage}`);
  }
  return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode ?? 128 + 9 };
}

/** As `exec`, for the commands that set a test up: throws where the command fails. */
export async function mustExec(
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const result = await exec(argv, options);
  if (result.exitCode !== 0) {
    throw new Error(`exit ${result.exitCode}: ${argv.join(' ')}\n${result.stderr}`);
  }
  return result;
}

/** Stands the tools in front of `argv` that enter a namespace and change the user. */
export function wrap(
  argv: readonly string[],
  { netns, as }: Pick<ExecOptions, 'netns' | 'as'>,
): string[] {
  // Not `ip netns exec`: that makes a mount namespace, too, and its copies of root's loop mounts keep other
  // tests' volumes in use.
  const enter = netns === undefined ? [] : ['nsenter', `--net=/run/netns/${netns}`];
  const become =
    as === undefined || as.uid === process.getuid?.()
      ? []
      : ['setpriv', `--reuid=${as.uid}`, `--regid=${as.gid}`, '--clear-groups', '--'];
  return [...enter, ...become, ...argv];
}

/** Kills the process group that `pid` leads, if it is still there. */
export function endGroup(pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}
