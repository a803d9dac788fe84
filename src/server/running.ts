/** Which `pysync serve` of this account runs, for the other commands. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { PysyncError } from '../errors.js';
import { stateFolder } from '../system/folders.js';
import { processName } from '../system/temporary.js';

export interface RunningServe {
  readonly pid: number;
  readonly port: number;
  /** That of its host key, `SHA256:…`. */
  readonly fingerprint: string;
}

const path = (): string => join(stateFolder(), 'serve.json');

/** Undefined where none runs. */
export function runningServe(): RunningServe | undefined {
  try {
    const {
      process: name,
      port,
      fingerprint,
    } = JSON.parse(readFileSync(path(), 'utf8')) as {
      readonly process: string;
      readonly port: number;
      readonly fingerprint: string;
    };
    const pid = Number.parseInt(name, 10);
    return processName(pid) === name ? { pid, port, fingerprint } : undefined;
  } catch {
    return undefined;
  }
}

/** Throws PysyncError `SERVE_RUNS` where there is one: two would ask the owner about the same keys. */
export function refuseSecondServe(): void {
  const running = runningServe();
  if (running === undefined) return;
  throw new PysyncError(
    'SERVE_RUNS',
    `pysync serve runs already, on port ${running.port} (process ${running.pid})`,
    { hints: ['to have it ask with other options: end it first, with Ctrl-C or kill'] },
  );
}

/** Has it end as Ctrl-C does; whether it has, within `waitMs`. */
export async function endRunningServe(waitMs: number): Promise<boolean> {
  const end = Date.now() + waitMs;
  const first = runningServe();
  if (first !== undefined) process.kill(first.pid, 'SIGTERM');
  while (runningServe() !== undefined) {
    if (Date.now() > end) return false;
    await wait(20);
  }
  return true;
}

/** Notes that this process serves, until it ends. */
export function noteServe({ port, fingerprint }: Omit<RunningServe, 'pid'>): void {
  const text = JSON.stringify({ process: processName(process.pid), port, fingerprint });
  mkdirSync(dirname(path()), { recursive: true, mode: 0o700 });
  writeFileSync(path(), text, { mode: 0o600 });
  process.once('exit', () => {
    rmSync(path(), { force: true });
  });
}
