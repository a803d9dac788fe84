/** A `pysync serve` of an account that runs beside the test, without a terminal. */
import { join } from 'node:path';
import { execa } from 'execa';
import { inject } from 'vitest';
import type { Account } from './account.js';
import { systemPath, wrap } from './exec.js';
import { endTree } from './run-folder.js';
import { findFreePort } from './sshd.js';
import { createTemporaryFolder, waitFor } from './tmp.js';

export interface ServeOptions {
  readonly account: Account;
  /** Further words of the command line. */
  readonly args?: readonly string[];
  /** The network namespace to run in. */
  readonly netns?: string;
}

export interface Serve {
  /** Where clients reach it that are not in another network namespace. */
  readonly address: string;
  readonly port: number;
  /** Of the process outside the sandbox. */
  readonly pid: number;
  /** What it has printed so far. */
  readonly log: () => string;
  /** Kills it, and all that it has started. */
  readonly stop: () => Promise<void>;
}

export async function startServe({ account, args = [], netns }: ServeOptions): Promise<Serve> {
  const port = await findFreePort('::');
  const program = [inject('node'), join(inject('program'), 'bin/pysync.js')];
  const words = [...program, 'serve', '--port', String(port), '--no-announce', ...args];
  const namespace = netns === undefined ? {} : { netns };
  const [file = '', ...rest] = wrap(words, { as: account, ...namespace });
  // A process that is killed leaves its temporary folder.
  const folder = createTemporaryFolder(account);
  const child = execa(file, rest, {
    cwd: account.home,
    env: { PATH: systemPath, HOME: account.home, LC_ALL: 'C.UTF-8', TMPDIR: folder.path },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    all: true,
    buffer: false,
  });
  let text = '';
  child.all.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const { pid = 0 } = child;
  await waitFor(
    'pysync serve to listen',
    () => {
      if (child.exitCode !== null) throw new Error(`pysync serve did not start:\n${text}`);
      return /^Receiving on port|^{"event":"serving"/m.test(text);
    },
    30_000,
  );
  return {
    address: '127.0.0.1',
    port,
    pid,
    log: () => text,
    stop: async () => {
      await endTree(pid);
      await child;
      folder.remove();
    },
  };
}
