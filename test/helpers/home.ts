/**
 * The home of a receiver who has never run pysync, for tests of what a person sees at the terminal:
 * one account for each test file, emptied before each test. No ssh server answers there.
 */
import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import { createAccount } from './account.js';
import type { Account, AccountExecOptions } from './account.js';
import { mustExec } from './exec.js';
import type { ExecResult } from './exec.js';
import { createTemporaryFolder } from './tmp.js';

export interface Home {
  readonly account: Account;
  /** Absolute path of what is called so in the home. */
  path(name: string): string;
  /** Writes a file of the account's, with its folders. */
  write(name: string, content: string | Uint8Array, mode?: number): string;
  read(name: string): string;
  /** Permission bits as octal text. */
  mode(name: string): string;
  /** Every entry with its mode, size and time: the same before and after, if nothing was touched. */
  snapshot(): Promise<string>;
  pysync(args: readonly string[], options?: AccountExecOptions): Promise<ExecResult>;
  /** The same, in a shell: `"$@"` in `script` runs pysync with `args`. */
  inShell(
    script: string,
    args: readonly string[],
    options?: AccountExecOptions,
  ): Promise<ExecResult>;
  /** The lines of `~/.ssh/authorized_keys`. */
  keyLines(): string[];
}

/** Everything but the account itself is there at once; that is made before the first test. */
export function useHome(): Home {
  let account: Account | undefined;
  let config = '';

  beforeAll(async () => {
    account = await createAccount();
    // Port 9 is the discard service, which nobody runs.
    config = join(createTemporaryFolder(account).path, 'sshd_config');
    writeFileSync(config, 'Port 9\nHostKey /nonexistent\n');
  });
  beforeEach(async () => {
    await mustExec(['find', home.account.home, '-mindepth', '1', '-delete']);
  });
  afterAll(() => account?.remove());

  const withServer = (options: AccountExecOptions = {}): AccountExecOptions => ({
    ...options,
    env: { PYSYNC_SSHD_CONFIG: config, ...options.env },
  });
  const home: Home = {
    get account() {
      if (account === undefined) throw new Error('no account before the first test');
      return account;
    },
    path: (name) => join(home.account.home, name),
    write: (name, content, mode = 0o644) => {
      const path = home.path(name);
      makeFolder(dirname(path), home.account);
      writeFileSync(path, content, { mode });
      chownSync(path, home.account.uid, home.account.gid);
      return path;
    },
    read: (name) => readFileSync(home.path(name), 'utf8'),
    mode: (name) => (statSync(home.path(name)).mode & 0o7777).toString(8),
    snapshot: async () => {
      const { stdout } = await mustExec([
        ...['find', home.account.home, '-printf', '%P %y %m %s %T@ %l\n'],
      ]);
      return stdout.split('\n').sort().join('\n');
    },
    pysync: (args, options) => home.account.pysync(args, withServer(options)),
    inShell: (script, args, options) => {
      const program = [inject('node'), join(inject('program'), 'bin/pysync.js')];
      return home.account.run(
        ['bash', '-c', script, 'sh', ...program, ...args],
        withServer(options),
      );
    },
    keyLines: () => {
      if (!existsSync(home.path('.ssh/authorized_keys'))) return [];
      return home.read('.ssh/authorized_keys').split('\n').filter(Boolean);
    },
  };
  return home;
}

function makeFolder(folder: string, account: Account): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder), account);
  mkdirSync(folder);
  chownSync(folder, account.uid, account.gid);
}

/** What `--json` printed. */
export function parseJson({ stdout }: ExecResult): unknown {
  return JSON.parse(stdout);
}
