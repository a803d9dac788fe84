/**
 * The scene of most attacks: somebody shares a folder with pysync and keeps private things beside
 * it; peers are let in with a policy each, and one that nothing restricts shows what would happen.
 *
 * By environment the same attacks are tried on a volume (PYSYNC_TEST_CAP is its size), and through
 * `pysync serve` (PYSYNC_TEST_SERVE): peers connect to that then, and only the one that nothing
 * restricts connects to sshd.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createAccount } from './account.js';
import type { Account } from './account.js';
import { exec, mustExec } from './exec.js';
import type { ExecResult } from './exec.js';
import { createPeer } from './peer.js';
import type { Peer, PeerOptions } from './peer.js';
import { isRoot } from './root.js';
import { startServe } from './serve.js';
import { startSshd } from './sshd.js';
import type { Sshd, SshdOptions } from './sshd.js';

export interface Receiver {
  readonly account: Account;
  /** The server that peers connect to: sshd, or `pysync serve`. */
  readonly sshd: Pick<Sshd, 'address' | 'port'>;
  readonly share: string;
  /** `private/` in the receiver's home: `diary.txt` holds `secret`. No peer may see or change it. */
  readonly outside: string;
  /** Random text that is in the outside file's content and in the name of one more. */
  readonly secret: string;
  /** Every entry of `outside` with its mode, links, date and content, to compare before and after. */
  outsideState(): string[];
  /** A peer whose key was imported with these arguments of pysync. */
  letIn(...args: readonly string[]): Promise<Peer>;
  /** A peer with a key that nothing restricts: the control that an attack would work without pysync. */
  trust(): Promise<Peer>;
  /** Writes a file of the receiver's; `path` counts from the home. Gives its absolute path. */
  write(path: string, content: string | Uint8Array): string;
  /** Makes a symbolic link of the receiver's. */
  link(target: string, path: string): void;
  /** The share's entries, deeply and sorted: what a peer managed to put there. */
  listShare(): string[];
  /** The texts of the logs of the connections that have ended, the oldest first. */
  logs(): string[];
  remove(): Promise<void>;
}

/** Whether peers connect to `pysync serve`. */
export const isServed = process.env['PYSYNC_TEST_SERVE'] !== undefined;

/**
 * Variants of one attack that differ in what rsync is asked for: all of them, and each third on a volume
 * and through `pysync serve`, where the same gate and the same sandbox are at work.
 */
export function variants<const T>(all: readonly T[]): T[] {
  const isRepeated = isServed || process.env['PYSYNC_TEST_CAP'] !== undefined;
  return all.filter((_, index) => !isRepeated || index % 3 === 0);
}

export interface ReceiverOptions extends Pick<SshdOptions, 'acceptEnv' | 'extraConfig'> {
  /** Whether each peer keeps one connection open for all it does; default true. */
  readonly multiplex?: boolean;
}

export async function createReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const { multiplex = !isServed, ...sshdOptions } = options;
  const account = await createAccount();
  const sshd = await startSshd({ account, ...sshdOptions });
  const serve = isServed ? await startServe({ account }) : undefined;
  const peers: Peer[] = [];
  const share = join(account.home, 'public');
  const outside = join(account.home, 'private');
  const secret = `secret${randomBytes(8).toString('hex')}`;
  const own = (path: string): void => {
    chownSync(path, account.uid, account.gid);
  };
  const makeFolder = (path: string): void => {
    if (existsSync(path)) return;
    makeFolder(dirname(path));
    mkdirSync(path);
    own(path);
  };
  const write: Receiver['write'] = (path, content) => {
    const absolute = join(account.home, path);
    makeFolder(dirname(absolute));
    writeFileSync(absolute, content);
    own(absolute);
    return absolute;
  };
  const size = process.env['PYSYNC_TEST_CAP'];
  if (size !== undefined) await cap(account, share, size);
  write('private/diary.txt', `${secret}\n`);
  write(`private/${secret}.txt`, '');
  const addPeer = async (server: PeerOptions['sshd']): Promise<Peer> => {
    const peer = await createPeer({ sshd: server, account, multiplex });
    peers.push(peer);
    return peer;
  };
  return {
    account,
    sshd: serve ?? sshd,
    share,
    outside,
    secret,
    outsideState: () => listTree(outside).map((name) => describeEntry(outside, name)),
    letIn: async (...args) => {
      const peer = await addPeer(serve ?? sshd);
      const { exitCode, stderr } = await account.pysync(['-i', peer.publicKey, ...args]);
      if (exitCode !== 0) throw new Error(`the import failed: ${stderr}`);
      return peer;
    },
    trust: async () => {
      const peer = await addPeer(sshd);
      const script = 'umask 077; mkdir -p .ssh; cat >> .ssh/authorized_keys';
      await account.run(['sh', '-c', script], { input: `${peer.publicKey}\n` });
      return peer;
    },
    write,
    link: (target, path) => {
      const absolute = join(account.home, path);
      makeFolder(dirname(absolute));
      symlinkSync(target, absolute);
      // rsync itself refuses to follow the link of another user; that is not what is to be tested.
      lchownSync(absolute, account.uid, account.gid);
    },
    listShare: () => listTree(share),
    logs: () => {
      const folder = join(account.home, '.local/state/pysync/log');
      if (!existsSync(folder)) return [];
      const names = readdirSync(folder).sort();
      return names.map((name) => readFileSync(join(folder, name), 'utf8'));
    },
    remove: async () => {
      await serve?.stop();
      await sshd.stop();
      if (size !== undefined) await exec(['umount', '--lazy', share]);
      // A peer may have left folders that even their owner cannot enter.
      if (!isRoot && existsSync(share)) chmodSync(share, 0o700);
      await account.remove();
      for (const peer of peers) peer.remove();
    },
  };
}

/**
 * Caps the share, and mounts it by the kernel: root, who looks into it for the tests, may not enter
 * what a user has mounted with FUSE.
 */
async function cap(account: Account, share: string, size: string): Promise<void> {
  const { exitCode, stderr } = await account.pysync(['--size', size, '--engine', 'e2fsprogs']);
  if (exitCode !== 0) throw new Error(`the share could not be capped: ${stderr}`);
  await account.pysync(['unmount']);
  const volumes = join(account.home, '.local/share/pysync/volumes');
  const image = readdirSync(volumes).find((name) => name.endsWith('.img')) ?? '';
  const options = 'loop,nosuid,nodev,noexec,noinit_itable';
  await mustExec(['mount', '-o', options, join(volumes, image), share]);
}

/** Every entry below `folder` as a relative path, sorted; links are not followed. */
export function listTree(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) =>
      // Not `recursive: true`, which follows links.
      entry.isDirectory()
        ? [entry.name, ...listTree(join(folder, entry.name)).map((name) => join(entry.name, name))]
        : [entry.name],
    )
    .sort();
}

/** The names of the entries below `folder` whose name, content or target holds `text`. */
export function findText(folder: string, text: string): string[] {
  return listTree(folder).filter(
    (name) => name.includes(text) || contentOf(join(folder, name)).includes(text),
  );
}

/** Writes files below `folder`, with the folders they need. */
export function putFiles(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

/** All that a command has said. */
export function said({ stdout, stderr }: ExecResult): string {
  return stdout + stderr;
}

function describeEntry(folder: string, name: string): string {
  const path = join(folder, name);
  const { mode, nlink, uid, mtimeMs } = lstatSync(path);
  return [name, mode.toString(8), nlink, uid, mtimeMs, contentOf(path)].join(' ');
}

/** A file's text or a link's target; empty for everything else. */
function contentOf(path: string): string {
  const entry = lstatSync(path);
  if (entry.isSymbolicLink()) return readlinkSync(path);
  return entry.isFile() ? readFileSync(path, 'latin1') : '';
}
