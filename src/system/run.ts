/**
 * Child processes. Every tool pysync runs is run through here: argument arrays and never a shell
 * string, an environment made from an allow-list, a time limit, and the whole process group ended
 * when that limit passes.
 */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { PysyncError } from '../errors.js';
import { findTool } from './tools.js';

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
 * Throws PysyncError `TOOL_MISSING` where it is not installed, `TOOL_TIMED_OUT` past the limit and
 * `TOOL_FAILED` when it ends with a status the caller did not expect.
 */
export async function run(
  tool: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const path = findTool(tool);
  const timeoutMs = options.timeoutMs ?? 30_000;
  // Loaded when it is first used: it is as large as all of pysync, and status runs no tool.
  const { execa } = await import('execa');
  const child = execa(path, args, {
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
  const onInterrupt = (): void => {
    endGroup(pid);
  };
  // In front of the one that ends pysync.
  process.prependListener('SIGINT', onInterrupt);
  const result = await child.finally(() => {
    clearTimeout(timer);
    clearTimeout(silence);
    process.off('SIGINT', onInterrupt);
  });
  if (timedOut) {
    throw new PysyncError(
      'TOOL_TIMED_OUT',
      `could not ${options.purpose}: ${tool} did not end within ${timeoutMs / 1000} s`,
    );
  }
  const { exitCode } = result;
  const expected = options.expectExit ?? [0];
  if (exitCode === undefined || (expected !== 'any' && !expected.includes(exitCode))) {
    const how = exitCode === undefined ? (result.signal ?? 'no exit status') : `exit ${exitCode}`;
    throw new PysyncError('TOOL_FAILED', `could not ${options.purpose}: ${tool} failed (${how})`, {
      cause: result.stderr,
    });
  }
  return { stdout: result.stdout ?? '', stderr: result.stderr ?? '', exitCode };
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
