/**
 * The sender: an ordinary ssh and rsync with a key pair and a known_hosts file of its own, and no
 * configuration of the machine's.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Account } from './account.js';
import { exec, mustExec } from './exec.js';
import type { ExecOptions, ExecResult } from './exec.js';
import type { Sshd } from './sshd.js';
import { createTemporaryFolder } from './tmp.js';

export interface PeerOptions {
  /** The server to connect to, which need not be an sshd. */
  readonly sshd: Pick<Sshd, 'address' | 'port'>;
  /** The account to log in to. */
  readonly account: Account;
  /** Whom the sender runs as; default the user who runs the tests. */
  readonly as?: Account;
  /** The network namespace the sender lives in. */
  readonly netns?: string;
  /** The type of key, as ssh-keygen calls it. */
  readonly keyType?: string;
  /** One connection for all that the peer does (ControlMaster): a third of the time for each. */
  readonly multiplex?: boolean;
}

export interface RsyncOptions extends ExecOptions {
  /** Words added to the remote shell's command line. */
  readonly remoteShellExtra?: readonly string[];
}

export interface Peer {
  /** A folder of the sender's own, for what it sends and fetches. */
  readonly folder: string;
  readonly publicKeyFile: string;
  /** The public key's line, without newline. */
  readonly publicKey: string;
  /** `user@address`, to stand before the colon of a remote path. */
  readonly target: string;
  /** What follows rsync's -e. */
  readonly remoteShell: string;
  /** Runs ssh to the target; `args` are the words of the remote command. */
  ssh(args: readonly string[], options?: SshOptions): Promise<ExecResult>;
  /** Runs rsync with `-e` set; remote paths begin with `${target}:`. */
  rsync(args: readonly string[], options?: RsyncOptions): Promise<ExecResult>;
  remove(): void;
}

export interface SshOptions extends ExecOptions {
  /** Options of ssh, before the target: `-t`, `-L …`. */
  readonly sshOptions?: readonly string[];
}

export async function createPeer(options: PeerOptions): Promise<Peer> {
  const { sshd, account, as, netns, keyType = 'ed25519', multiplex = false } = options;
  const folder = createTemporaryFolder(as);
  const key = join(folder.path, 'id');
  const context = {
    cwd: folder.path,
    env: { HOME: folder.path },
    ...(as === undefined ? {} : { as }),
    ...(netns === undefined ? {} : { netns }),
  };
  const comment = `peer@${keyType}`;
  // prettier-ignore
  await mustExec(['ssh-keygen', '-q', '-t', keyType, '-N', '', '-C', comment, '-f', key], context);

  const words = [
    ...['ssh', '-F', 'none', '-p', String(sshd.port), '-i', key],
    ...['-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none', '-o', 'BatchMode=yes'],
    ...['-o', `UserKnownHostsFile=${folder.path}/known_hosts`],
    ...['-o', 'StrictHostKeyChecking=accept-new', '-o', 'LogLevel=ERROR'],
    ...(multiplex
      ? ['-o', 'ControlMaster=auto', '-o', 'ControlPersist=yes', '-S', `${folder.path}/master`]
      : []),
  ];
  const target = `${account.name}@${sshd.address}`;
  return {
    folder: folder.path,
    publicKeyFile: `${key}.pub`,
    publicKey: readFileSync(`${key}.pub`, 'utf8').trimEnd(),
    target,
    remoteShell: words.join(' '),
    ssh: (args, { sshOptions = [], ...rest } = {}) =>
      exec([...words, ...sshOptions, '--', target, ...args], { ...context, ...rest }),
    rsync: (args, { remoteShellExtra = [], ...rest } = {}) =>
      exec(['rsync', '-e', [...words, ...remoteShellExtra].join(' '), ...args], {
        ...context,
        ...rest,
      }),
    remove: folder.remove,
  };
}
