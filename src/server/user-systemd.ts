/** The user's own systemd (`systemctl --user`), and systemd's notes about the user. */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { PysyncError } from '../errors.js';
import { run } from '../system/run.js';
import type { RunResult } from '../system/run.js';
import { printable } from '../system/text.js';
import { lookForTool } from '../system/tools.js';
import { stopSeconds, unitName } from './unit.js';

/**
 * - `here`: it can be asked;
 * - `away`: systemd runs this machine, but the user's own cannot be reached from here, as after `su`;
 * - `none`: there is none, as in most containers.
 */
export type UserSystemd = 'here' | 'away' | 'none';

/** What systemctl(1) calls so; empty where it does not know the unit. */
export interface UnitState {
  /** `active`, `activating`, `failed`, `inactive` … */
  readonly active: string;
  /** `enabled`, `disabled` … */
  readonly file: string;
}

export async function userSystemd(): Promise<UserSystemd> {
  if (lookForTool('systemctl') === undefined) return 'none';
  const { exitCode } = await systemctl(['show', '--property=Version'], 'mayFail');
  if (exitCode === 0) return 'here';
  // See sd_booted(3).
  return existsSync('/run/systemd/system') ? 'away' : 'none';
}

/**
 * Gives it a command, and waits until that is done, however long a stop takes. Throws PysyncError
 * `SYSTEMD_FAILED` where that fails, unless `mayFail`.
 */
export async function systemctl(words: readonly string[], mayFail?: 'mayFail'): Promise<RunResult> {
  const folder = process.env['XDG_RUNTIME_DIR'] ?? `/run/user/${userInfo().uid}`;
  const result = await run('systemctl', ['--user', '--no-pager', ...words], {
    purpose: 'have systemd do its part',
    timeoutMs: (stopSeconds + 30) * 1000,
    env: { XDG_RUNTIME_DIR: folder },
    expectExit: 'any',
  });
  if (result.exitCode === 0 || mayFail !== undefined) return result;
  const said = result.stderr.split('\n').filter((line) => line !== '');
  throw new PysyncError('SYSTEMD_FAILED', `this failed: systemctl --user ${words.join(' ')}`, {
    hints: said.slice(0, 3).map(printable),
  });
}

/** Only where it is `here`. */
export async function unitState(): Promise<UnitState> {
  const { stdout } = await systemctl(
    ['show', unitName, '--property=ActiveState,UnitFileState'],
    'mayFail',
  );
  const value = (name: string): string =>
    stdout
      .split('\n')
      .find((line) => line.startsWith(`${name}=`))
      ?.slice(name.length + 1) ?? '';
  return { active: value('ActiveState'), file: value('UnitFileState') };
}

/** Whether the user's systemd starts at boot and outlives the last logout; undefined: not known. */
export async function lingers(): Promise<boolean | undefined> {
  if (lookForTool('loginctl') === undefined) return undefined;
  const words = ['show-user', userInfo().username, '--property=Linger', '--value'];
  const { stdout, exitCode } = await run('loginctl', words, {
    purpose: 'see whether systemd outlives your logout',
    expectExit: 'any',
  });
  return exitCode === 0 ? stdout.trim() === 'yes' : undefined;
}
