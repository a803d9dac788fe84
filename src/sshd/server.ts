/**
 * This machine's ssh server, as far as an ordinary user can see it: its config files, the public
 * halves of its host keys, and whether it answers.
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { readLines } from '../system/readable.js';
import { readConfig, sshdConfigPath } from './config.js';

export interface HostKey {
  /** `ED25519`, as ssh names it when it asks on first contact. */
  readonly type: string;
  readonly fingerprint: string;
}

export interface SshServer {
  readonly port: number;
  /** Whether something that speaks ssh answers on this machine at that port. */
  readonly listens: boolean;
  readonly hostKeys: readonly HostKey[];
  /**
   * What others may write on the path to the account's keys. With one such file or folder sshd accepts
   * no key at all, and tells why only in its log (StrictModes in sshd_config(5)).
   */
  readonly writableByOthers: readonly string[];
}

/** The server as it is for the account whose home is `home`. */
export async function findSshServer(home: string): Promise<SshServer> {
  const lines = readConfig(sshdConfigPath()).filter(({ match }) => match === undefined);
  const valuesOf = (wanted: string): string[] =>
    lines.filter(({ name }) => name === wanted).map(({ value }) => value);
  const port = Number(valuesOf('port')[0] ?? '22');
  // Without a ListenAddress sshd listens on all addresses of this family, by default of both, so that
  // 127.0.0.1 answers for ::1 as well. The first IPv6 address that Node 20 reads takes it several milliseconds.
  const loopback = valuesOf('addressfamily')[0]?.toLowerCase() === 'inet6' ? '::1' : '127.0.0.1';
  const listening = answers(port, [loopback, ...valuesOf('listenaddress').map(hostOf)]);
  const keyFiles = valuesOf('hostkey');
  const isStrict = valuesOf('strictmodes')[0]?.toLowerCase() !== 'no';
  const loose = (name: string): string[] => {
    const path = join(home, name);
    const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
    return (mode & 0o022) === 0 ? [] : [path];
  };
  const hostKeys = (keyFiles.length > 0 ? keyFiles : defaultKeyFiles).flatMap(hostKeyOf);
  const writableByOthers = isStrict ? ['', '.ssh', '.ssh/authorized_keys'].flatMap(loose) : [];
  return { port, listens: await listening, hostKeys, writableByOthers };
}

/** sshd's own defaults (sshd_config(5), HostKey), in the order in which clients prefer them. */
const defaultKeyFiles = ['ed25519', 'ecdsa', 'rsa'].map((t) => `/etc/ssh/ssh_host_${t}_key`);

function hostKeyOf(file: string): HostKey[] {
  const [type, blob] = readLines(`${file}.pub`)[0]?.split(' ') ?? [];
  if (type === undefined || blob === undefined) return [];
  const digest = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64');
  const name = type.startsWith('ecdsa-') ? 'ecdsa' : type.replace('ssh-', '');
  return [{ type: name.toUpperCase(), fingerprint: `SHA256:${digest.replace(/=+$/, '')}` }];
}

function hostOf(listenAddress: string): string {
  return listenAddress.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1');
}

async function answers(port: number, hosts: readonly string[]): Promise<boolean> {
  for (const host of new Set(hosts)) {
    if ((await bannerAt(port, host)) !== undefined) return true;
  }
  return false;
}

/**
 * What the server at this port calls itself (`SSH-2.0-OpenSSH_9.2p1 Debian-2`); undefined where none
 * answers within a second. An ssh server speaks first, and its first line starts with `SSH-` (RFC
 * 4253, 4.2).
 */
export function bannerAt(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const end = (result: string | undefined): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => {
      end(undefined);
    });
    socket.once('error', () => {
      end(undefined);
    });
    socket.once('data', (data) => {
      const [line = ''] = data.toString('latin1').split(/\r?\n/, 1);
      end(line.startsWith('SSH-') ? line : undefined);
    });
  });
}
