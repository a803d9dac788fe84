/** The owner's program that runs after files have come. */
import { userInfo } from 'node:os';
import { PysyncError } from '../errors.js';
import { faultOfProgram } from '../system/own-program.js';
import { run } from '../system/run.js';
import type { Transfer } from './transfer.js';

/** After this time it is killed, with all that it has started: the next transfer waits for it. */
const limitMs = 10 * 60_000;

/** A shell's exit statuses for a program that was killed, and for one that cannot be run. */
const killed = 137;
const notRun = 126;

/**
 * Runs it without arguments or a shell, with the facts in its environment and the paths of the files,
 * each ended by a NUL, on its standard input. What it prints is discarded. Returns its exit status.
 */
export async function runHook(program: string, transfer: Transfer, log: string): Promise<number> {
  // What was good when the preference was set may have changed.
  if (faultOfProgram(program) !== undefined) return notRun;
  try {
    const { exitCode } = await run(program, [], {
      purpose: 'run on-received',
      env: factsOf(transfer, log),
      input: Buffer.from(transfer.files.map(({ raw }) => `${raw}\0`).join(''), 'latin1'),
      expectExit: 'any',
      timeoutMs: limitMs,
      discardsOutput: true,
    });
    return exitCode;
  } catch (error) {
    return error instanceof PysyncError && error.code === 'TOOL_TIMED_OUT' ? killed : notRun;
  }
}

/** Numbers, pysync's own words, and paths and names that it has checked; never the name of a file. */
function factsOf(transfer: Transfer, log: string): Record<string, string> {
  const { header, fileCount, bytes, transferred, complete, ending } = transfer;
  const { username, homedir } = userInfo();
  return {
    HOME: homedir,
    USER: username,
    LOGNAME: username,
    LC_ALL: 'C.UTF-8',
    PYSYNC_PEER: header.peer,
    PYSYNC_KEY: header.key,
    PYSYNC_ADDRESS: header.address,
    PYSYNC_SHARE: header.share,
    PYSYNC_TIME: header.time,
    PYSYNC_FILES: String(fileCount),
    PYSYNC_BYTES: String(bytes),
    PYSYNC_TRANSFERRED: String(transferred),
    PYSYNC_COMPLETE: complete ? 'yes' : 'no',
    PYSYNC_OUTCOME: ending.kind,
    PYSYNC_STATUS: 'status' in ending ? String(ending.status) : ending.kind === 'done' ? '0' : '',
    PYSYNC_LOG: log,
  };
}
