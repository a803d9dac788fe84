/**
 * The receiver's account: a throw-away ordinary user where the tests run as root, else the user who
 * runs them, with a home of his own for the time of the test.
 */
import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { exec, mustExec, systemPath } from './exec.js';
import type { ExecOptions, ExecResult, Ids } from './exec.js';
import { changeAccounts, isRoot } from './root.js';
import { enterInLedger, removeUser, strikeFromLedger, unmountBelow } from './run-folder.js';
import { createTemporaryFolder } from './tmp.js';

export interface Account extends Ids {
  readonly name: string;
  readonly home: string;
  /** Runs a command as this user, in the home, with an environment of HOME, USER, PATH and such. */
  run(argv: readonly string[], options?: AccountExecOptions): Promise<ExecResult>;
  /** Runs the built program as this user. */
  pysync(args: readonly string[], options?: AccountExecOptions): Promise<ExecResult>;
  /** Ends the user's processes and removes the account with its home. */
  remove(): Promise<void>;
}

export type AccountExecOptions = Omit<ExecOptions, 'as'>;

export async function createAccount({ shell = '/bin/bash' } = {}): Promise<Account> {
  return isRoot ? createUser(shell) : borrowUser();
}

async function createUser(shell: string): Promise<Account> {
  const runFolder = inject('runFolder');
  const name = `pysynct${randomBytes(4).toString('hex')}`;
  enterInLedger(runFolder, 'user', name);
  // The password field `*` matches no password; the usual `!` would mean a locked account, which
  // sshd without PAM lets nobody into, with a key neither.
  await changeAccounts(['useradd', '--create-home', '--password', '*', '--shell', shell, name]);
  const entry = (await mustExec(['getent', 'passwd', name])).stdout.split(':');
  const account = { name, uid: Number(entry[2]), gid: Number(entry[3]), home: entry[5] ?? '' };
  return withCommands(account, shell, async () => {
    await removeUser(name);
    strikeFromLedger(runFolder, 'user', name);
  });
}

/** The user who runs the tests, with a home of its own. */
export function borrowUser(): Account {
  const { username, uid, gid, shell } = userInfo();
  const folder = createTemporaryFolder();
  const account = { name: username, uid, gid, home: folder.path };
  return withCommands(account, shell ?? '/bin/sh', () => {
    unmountBelow(folder.path);
    folder.remove();
    return Promise.resolve();
  });
}

function withCommands(
  account: Ids & { name: string; home: string },
  shell: string,
  remove: () => Promise<void>,
): Account {
  const run: Account['run'] = (argv, options = {}) =>
    exec(argv, {
      cwd: account.home,
      ...options,
      as: account,
      env: {
        HOME: account.home,
        USER: account.name,
        LOGNAME: account.name,
        SHELL: shell,
        PATH: systemPath,
        LANG: 'C.UTF-8',
        ...options.env,
      },
    });
  const pysync: Account['pysync'] = (args, options) =>
    run([inject('node'), join(inject('program'), 'bin/pysync.js'), ...args], options);
  return { ...account, run, pysync, remove };
}
