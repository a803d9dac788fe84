/**
 * This machine's ssh server, as far as an ordinary user can see it: its config files, its host
 * keys' public halves, and whether it answers.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';

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
   * What others may write on the way to the account's keys. With one such file or folder sshd takes
   * no key at all, and says why only in its log (StrictModes in sshd_config(5)).
   */
  readonly writableByOthers: readonly string[];
}

/** Looks at the server, for the account whose home is `home`. `PYSYNC_SSHD_CONFIG` names the config of another than the system's. */
export async function findSshServer(home: string): Promise<SshServer> {
  const settings = readConfig(process.env['PYSYNC_SSHD_CONFIG'] ?? '/etc/ssh/sshd_config');
  const port = Number(settings.find(([name]) => name === 'port')?.[1] ?? '22');
  const listen = settings.filter(([name]) => name === 'listenaddress').map(([, value]) => value);
  const keyFiles = settings.filter(([name]) => name === 'hostkey').map(([, value]) => value);
  const isStrict = settings.find(([name]) => name === 'strictmodes')?.[1]?.toLowerCase() !== 'no';
  const loose = (name: string): string[] => {
    const path = join(home, name);
    const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
    return (mode & 0o022) === 0 ? [] : [path];
  };
  return {
    port,
    listens: await answers(port, ['127.0.0.1', '::1', ...listen.map(hostOf)]),
    hostKeys: (keyFiles.length > 0 ? keyFiles : defaultKeyFiles).flatMap(hostKeyOf),
    writableByOthers: isStrict ? ['', '.ssh', '.ssh/authorized_keys'].flatMap(loose) : [],
  };
}

/** sshd's own defaults (sshd_config(5), HostKey), in the order in which clients prefer them. */
const defaultKeyFiles = ['ed25519', 'ecdsa', 'rsa'].map((t) => `/etc/ssh/ssh_host_${t}_key`);

/** Keyword (in lower case) and first value of each line before the first `Match`. */
function readConfig(path: string, depth = 0): [string, string][] {
  const settings: [string, string][] = [];
  for (const line of readLines(path)) {
    const [, keyword = '', value = ''] = /^\s*([A-Za-z]+)[\s=]+"?([^"#]+?)"?\s*$/.exec(line) ?? [];
    const name = keyword.toLowerCase();
    if (name === 'match') break;
    if (name === 'include' && depth < 4) {
      const files = value.split(/\s+/).flatMap((pattern) => expand(pattern, dirname(path)));
      settings.push(...files.flatMap((file) => readConfig(file, depth + 1)));
    } else if (name !== '') {
      settings.push([name, value]);
    }
  }
  return settings;
}

/** The files of an `Include` pattern with a wildcard in its last part, sorted as sshd does. */
function expand(pattern: string, base: string): string[] {
  const path = pattern.startsWith('/') ? pattern : join(base, pattern);
  if (!path.includes('*')) return [path];
  const folder = dirname(path);
  const [head = '', tail = ''] = path.slice(folder.length + 1).split('*', 2);
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith(head) && name.endsWith(tail))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function hostKeyOf(file: string): HostKey[] {
  const [type, blob] = readLines(`${file}.pub`)[0]?.split(' ') ?? [];
  if (type === undefined || blob === undefined) return [];
  const digest = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64');
  const name = type.replace(/^(?:ssh-|ecdsa-sha2-.*)/, (match) =>
    match === 'ssh-' ? '' : 'ECDSA',
  );
  return [{ type: name.toUpperCase(), fingerprint: `SHA256:${digest.replace(/=+$/, '')}` }];
}

function hostOf(listenAddress: string): string {
  return listenAddress.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1');
}

async function answers(port: number, hosts: readonly string[]): Promise<boolean> {
  for (const host of new Set(hosts)) {
    if (await hasBanner(port, host)) return true;
  }
  return false;
}

/** An ssh server speaks first, and its first line starts with `SSH-` (RFC 4253, 4.2). */
function hasBanner(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const end = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => {
      end(false);
    });
    socket.once('error', () => {
      end(false);
    });
    socket.once('data', (data) => {
      end(data.toString('latin1').startsWith('SSH-'));
    });
  });
}
