/**
 * A receiver's machine with other system tools than this one's: a mount namespace, in which what
 * is in /usr/local/sbin is found before the system's own.
 */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { quoteAll } from '../../src/gate/quote.js';
import { findTool } from '../../src/system/tools.js';
import { exec, systemPath } from './exec.js';
import type { ExecResult } from './exec.js';
import type { Home } from './home.js';
import { createTemporaryFolder } from './tmp.js';

export interface Machine {
  /** Puts a program where it is found first. */
  install(name: string, program: string | Buffer): void;
  pysync(...args: readonly string[]): Promise<ExecResult>;
  /** Has the first imported key send `folder` with a real client; the launcher runs as in a login. */
  send(folder: string, ...options: readonly string[]): Promise<ExecResult>;
}

export interface MachineOptions {
  /** Files that cannot be run there. */
  readonly hidden?: readonly string[];
  /** What root does in it before all else, each time: shell commands. */
  readonly prepare?: readonly string[];
  /** The network namespace it is in. */
  readonly netns?: string;
  /** Added to the environment of pysync. */
  readonly env?: Readonly<Record<string, string>>;
}

export function machineOf(home: Home, options: MachineOptions = {}): Machine {
  const { hidden = [], prepare = [], netns, env = {} } = options;
  const tools = createTemporaryFolder().path;
  chmodSync(tools, 0o755);
  const set = 'mount --bind "$0" /usr/local/sbin';
  const hide = hidden.map((path) => `mount --bind /dev/null ${path}`);
  const script = [set, ...hide, ...prepare, 'exec "$@"'].join(' && ');
  const { uid, gid, name } = home.account;
  const become = [findTool('setpriv'), `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'];
  const enter = [
    ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, tools],
    ...[...become, 'env', '-i', `HOME=${home.account.home}`, `USER=${name}`, `PATH=${systemPath}`],
    ...Object.entries(env).map((entry) => entry.join('=')),
  ];
  const context = { cwd: home.account.home, ...(netns === undefined ? {} : { netns }) };
  return {
    install: (tool, program) => {
      // Removed first, so that it is another file, as after an upgrade.
      rmSync(join(tools, tool), { force: true });
      writeFileSync(join(tools, tool), program);
      chmodSync(join(tools, tool), 0o755);
    },
    pysync: (...args) =>
      exec([...enter, inject('node'), join(inject('program'), 'bin/pysync.js'), ...args], context),
    send: (folder, ...options) => {
      const [, forced = ''] = /^restrict,command="([^"]*)"/.exec(home.keyLines()[0] ?? '') ?? [];
      const remoteShell = join(createTemporaryFolder().path, 'ssh');
      const login = `${quoteAll(enter)} SSH_ORIGINAL_COMMAND="$*" sh -c ${quoteAll([forced])}`;
      writeFileSync(remoteShell, `#!/bin/sh\nshift\nexec ${login}\n`, { mode: 0o755 });
      return exec(['rsync', '-r', '-e', remoteShell, ...options, `${folder}/`, 'host:sent/']);
    },
  };
}
