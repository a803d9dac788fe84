/**
 * A real OpenSSH server with a configuration, a host key and a port of its own.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { findTool } from '../../src/system/tools.js';
import type { Account } from './account.js';
import { exec, mustExec, systemPath, wrap } from './exec.js';
import { isRoot } from './root.js';
import { endTree } from './run-folder.js';
import { createTemporaryFolder, waitFor } from './tmp.js';

export interface SshdOptions {
  /** Whose `authorized_keys` is read where the tests do not run as root; as root, everybody's. */
  readonly account: Account;
  /** Further lines of sshd_config, before all others: sshd takes the first value it meets. */
  readonly extraConfig?: readonly string[];
  /** The address to listen on; default 127.0.0.1. */
  readonly address?: string;
  /** The network namespace to run in; the port is then 22, as on a machine of its own. */
  readonly netns?: string;
  /** Names and patterns of environment variables a client may send. */
  readonly acceptEnv?: readonly string[];
}

export interface Sshd {
  readonly address: string;
  readonly port: number;
  /** What sshd has logged so far. */
  log(): string;
  /** A ProxyCommand that talks to a server of the same configuration without any port. */
  readonly proxyCommand: string;
  /** Ends the server and its connections. */
  stop(): Promise<void>;
}

export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const folder = createTemporaryFolder();
  const address = options.address ?? '127.0.0.1';
  const port = options.netns === undefined ? await findFreePort(address) : 22;
  const path = findTool('sshd');
  const hostKey = join(folder.path, 'host_key');
  const config = join(folder.path, 'sshd_config');
  const logFile = join(folder.path, 'log');
  await mustExec(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', hostKey]);
  writeFileSync(config, formatConfig(options, { address, port, hostKey }).join('\n') + '\n');
  // Where sshd drops its rights before a login; Debian's service makes it, an sshd by hand doesn't.
  if (isRoot) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });

  const command = [path, '-f', config, '-E', logFile, ...(await optionsOfNewReleases(config))];
  await mustExec([...command, '-t']);
  const [file = '', ...args] = wrap([...command, '-D'], options);
  const child = execa(file, args, {
    env: { PATH: systemPath },
    extendEnv: false,
    reject: false,
    stdio: 'ignore',
    detached: true,
  });
  let ended = false;
  const end = child.finally(() => {
    ended = true;
  });
  const log = (): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  // The line is written after listen(2). Connecting would do too, but not from another namespace.
  await waitFor('sshd to listen', () => {
    if (ended) throw new Error(`sshd did not start:\n${log()}`);
    return log().includes('Server listening on');
  });
  return {
    address,
    port,
    log,
    proxyCommand: `${command.join(' ')} -i`,
    stop: async () => {
      // Not the process group: each connection has one of its own, and would live on.
      if (child.pid !== undefined) await endTree(child.pid);
      await end;
      folder.remove();
    },
  };
}

function formatConfig(
  { account, extraConfig = [], acceptEnv = [] }: SshdOptions,
  { address, port, hostKey }: { address: string; port: number; hostKey: string },
): string[] {
  return [
    ...extraConfig,
    `ListenAddress ${address}`,
    `Port ${port}`,
    `HostKey ${hostKey}`,
    'PidFile none',
    'LogLevel VERBOSE',
    'UsePAM no',
    'PermitRootLogin no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'Subsystem sftp internal-sftp',
    // Attacks and tests of many senders connect faster than the default lets in.
    'MaxStartups 100',
    ...(acceptEnv.length === 0 ? [] : [`AcceptEnv ${acceptEnv.join(' ')}`]),
    ...(isRoot
      ? ['StrictModes yes', 'AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2']
      : // The borrowed home lies below /tmp, where StrictModes finds a folder everybody may write.
        [
          'StrictModes no',
          `AuthorizedKeysFile ${account.home}/.ssh/authorized_keys ${account.home}/.ssh/authorized_keys2`,
          `SetEnv HOME=${account.home}`,
        ]),
  ];
}

/** From 9.8 on sshd shuts out an address that failed often, as our tests do on purpose. */
async function optionsOfNewReleases(config: string): Promise<string[]> {
  const option = ['-o', 'PerSourcePenalties=no'];
  const { exitCode } = await exec([findTool('sshd'), '-f', config, '-t', ...option]);
  return exitCode === 0 ? option : [];
}

/** A port of this machine that nobody listens on. */
export function findFreePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, address, () => {
      const bound = server.address();
      server.close(() => {
        if (bound === null || typeof bound === 'string') reject(new Error('no port'));
        else resolve(bound.port);
      });
    });
  });
}
