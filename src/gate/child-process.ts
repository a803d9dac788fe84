import type * as ChildProcess from 'node:child_process';

/**
 * node:child_process, loaded when it is first used: it takes longer to load than all of the gate,
 * and most connections start no process.
 */
export function childProcess(): typeof ChildProcess {
  return process.getBuiltinModule('node:child_process');
}
