/**
 * Child processes. Every tool pysync runs is run through here: argument arrays and never a shell
 * string, an environment made from an allow-list, a time limit, and the whole process group ended
 * when that limit passes.
 */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { PysyncError } from '../errors.js';
import { endWhenInterrupted, stopIfInterrupted } from './interrupt.js';
import { printable } from './text.js';
import { findTool, lookForTool } from './tools.js';

export interface RunOptions {
  /** Milliseconds after which the tool's process group is killed; 0 for never; default 30 s. */
  readonly timeoutMs?: number;
  /** Told each line of output and of errors as it comes; a carriage return ends a line as well. */
  readonly onLine?: (line: string) => void;
  /** Milliseconds without a line after which the tool counts as past its limit; default: for ever. */
  readonly silentMs?: number;
  /** Exit statuses that are answers, not failures; default `[0]`. A signal is always a failure. */
  readonly expectExit?: readonly number[] | 'any';
  /** Written to the tool's standard input; without it, standard input is empty. */
  readonly input?: string | Uint8Array;
  /** Environment variables added to the allow-list. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether what it prints is of no use; it need not be kept then. */
  readonly discardsOutput?: boolean;
  /**
   * Whether the tool is killed where pysync is, however that ends: for work that nobody can use then.
   * See PR_SET_PDEATHSIG in prctl(2).
   */
  readonly endsWithPysync?: boolean;
  /**
   * A file that the tool itself holds locked with flock(2), from before its first step to its end: the
   * lock is not free while a tool lives whose pysync was killed.
   */
  readonly holds?: { readonly file: string; readonly waitSeconds: number };
  /** What the tool was run for, as it completes "could not …" in the error: `read the key`. */
  readonly purpose: string;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/**
 * Runs `tool` (a name from the table in tools.ts, or the path of an owner's program) and waits for its
 * end.
 *
 * Throws PysyncError `TOOL_MISSING` where it is not installed, `TOOL_TIMED_OUT` past the limit,
 * `FILE_LOCKED` where another program has held its file for too long, `TOOL_FAILED` when it ends with a
 * status the caller did not expect, and `INTERRUPTED` after Ctrl-C (interrupt.ts).
 */
export async function run(
  tool: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  stopIfInterrupted();
  const [path = '', ...words] = [...wrappers(options), findTool(tool), ...args];
  const waitMs = (options.holds?.waitSeconds ?? 0) * 1000;
  const ownMs = options.timeoutMs ?? 30_000;
  const timeoutMs = ownMs === 0 ? 0 : ownMs + waitMs;
  // Loaded when it is first used: it is as large as all of pysync, and status runs no tool.
  const { execa } = await import('execa');
  const child = execa(path, words, {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...options.env },
    extendEnv: false,
    input: options.input ?? '',
    stdout: options.discardsOutput === true ? 'ignore' : 'pipe',
    stderr: options.discardsOutput === true ? 'ignore' : 'pipe',
    reject: false,
    stripFinalNewline: false,
    // A group of its own, so that a tool's own children end with it.
    detached: true,
  });
  const pid = child.pid;
  let timedOut = false as boolean;
  const expire = (): void => {
    timedOut = true;
    endGroup(pid);
  };
  const timer = timeoutMs === 0 ? undefined : setTimeout(expire, timeoutMs);
  const { onLine, silentMs } = options;
  const silence = silentMs === undefined ? undefined : setTimeout(expire, silentMs);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    if (silence !== undefined) stream.on('data', () => silence.refresh());
    if (onLine !== undefined) tellLines(stream, onLine);
  }
  const isOver = endWhenInterrupted(() => {
    endGroup(pid);
  });
  const result = await child.finally(() => {
    clearTimeout(timer);
    clearTimeout(silence);
    isOver();
  });
  stopIfInterrupted();
  if (timedOut) {
    throw new PysyncError(
      'TOOL_TIMED_OUT',
      `could not ${options.purpose}: ${tool} did not end within ${timeoutMs / 1000} s`,
    );
  }
  const { exitCode } = result;
  if (options.holds !== undefined && exitCode === lockTaken) {
    throw new PysyncError(
      'FILE_LOCKED',
      `could not ${options.purpose}: another program is at work on it`,
      { hints: [`see which: fuser ${printable(options.holds.file)}`] },
    );
  }
  const expected = options.expectExit ?? [0];
  if (exitCode === undefined || (expected !== 'any' && !expected.includes(exitCode))) {
    const how = exitCode === undefined ? (result.signal ?? 'no exit status') : `exit ${exitCode}`;
    throw new PysyncError('TOOL_FAILED', `could not ${options.purpose}: ${tool} failed (${how})`, {
      cause: result.stderr,
    });
  }
  return { stdout: result.stdout ?? '', stderr: result.stderr ?? '', exitCode };
}

/** What flock(1) is told to end with where the lock is taken; no tool ends so by itself. */
const lockTaken = 75;

/** The programs that make a tool what the options say, and become it: each without a fork. */
function wrappers({ endsWithPysync, holds }: RunOptions): string[] {
  const setpriv = endsWithPysync === true ? lookForTool('setpriv') : undefined;
  const dying = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
  if (holds === undefined) return dying;
  const { file, waitSeconds } = holds;
  const wait = ['--timeout', String(waitSeconds), '--conflict-exit-code', String(lockTaken)];
  return [...dying, findTool('flock'), '--no-fork', ...wait, file];
}

function tellLines(stream: Readable, tell: (line: string) => void): void {
  const decoder = new StringDecoder();
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split(/[\r\n]+/);
    rest = lines.pop() ?? '';
    lines.forEach(tell);
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended by itself.
  }
}
