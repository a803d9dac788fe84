/**
 * A receiver with capped shares: an account, its sshd, and as many shares as the tests of a file
 * make. Only the account itself can look into a mounted volume (FUSE keeps even root out), so all
 * that looks goes through `sh`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createAccount } from './account.js';
import type { Account } from './account.js';
import { exec, mustExec } from './exec.js';
import type { ExecResult } from './exec.js';
import { createPeer } from './peer.js';
import type { Peer } from './peer.js';
import { startSshd } from './sshd.js';
import type { Sshd, SshdOptions } from './sshd.js';

export const mebibyte = 2 ** 20;

/** For what ends by itself: guestmount, or thousands of files beside other work, take their time. */
const timeoutMs = 240_000;

/** What `pysync status --json` says of a volume. */
export interface VolumeStatus {
  readonly size: number;
  readonly state: string;
  readonly engine: string;
  readonly mount: string;
  readonly usable?: number;
  readonly used?: number;
  readonly free?: number;
  readonly files?: number;
  readonly notes: readonly string[];
}

export interface Volumes {
  readonly account: Account;
  readonly sshd: Sshd;
  /** The path of a share that no other test uses; nothing is made there. */
  newShare(): string;
  /** Runs `pysync --dir SHARE ARGS`, with e2fsprogs as the engine where it makes a volume. */
  pysync(share: string, ...args: readonly string[]): Promise<ExecResult>;
  /** Makes `share` a volume of this size; throws where that fails. */
  cap(share: string, size: string, ...args: readonly string[]): Promise<void>;
  /** A peer whose key is imported for `share`. */
  letIn(share: string, ...args: readonly string[]): Promise<Peer>;
  status(share: string): Promise<VolumeStatus>;
  /** What a script of the account's prints, with `args` as $1 and so on; throws where it fails. */
  sh(script: string, ...args: readonly string[]): Promise<string>;
  /** Every file below `folder` with its SHA-256, sorted. */
  sums(folder: string): Promise<string[]>;
  /** The image of a share's volume. */
  image(share: string): string;
  /** The programs that serve the volume of `share`. */
  serving(share: string): Promise<number[]>;
}

export interface VolumesOptions {
  /** Lines of sshd_config, once the account is there. */
  readonly extraConfig?: () => NonNullable<SshdOptions['extraConfig']>;
  readonly createAccount?: () => Account | Promise<Account>;
}

/** Everything is there from the first test on; the account lives as long as the file's tests. */
export function useVolumes(options: VolumesOptions = {}): Volumes {
  let made: { account: Account; sshd: Sshd } | undefined;
  const peers: Peer[] = [];
  let shares = 0;
  const there = (): { account: Account; sshd: Sshd } => {
    if (made === undefined) throw new Error('no account before the first test');
    return made;
  };

  beforeAll(async () => {
    const account = await (options.createAccount ?? createAccount)();
    const extraConfig = options.extraConfig?.() ?? [];
    made = { account, sshd: await startSshd({ account, extraConfig }) };
  });
  afterAll(async () => {
    await made?.sshd.stop();
    await made?.account.remove();
    for (const peer of peers) peer.remove();
  });

  const volumes: Volumes = {
    get account() {
      return there().account;
    },
    get sshd() {
      return there().sshd;
    },
    newShare: () => {
      shares += 1;
      return join(there().account.home, `share${shares}`);
    },
    pysync: (share, ...args) => {
      const makes = / --size[ =](?!none )/.test(` ${args.join(' ')} `);
      const engine = makes ? ['--engine', 'e2fsprogs'] : [];
      return there().account.pysync(['--dir', share, ...engine, ...args], { timeoutMs });
    },
    cap: async (share, size, ...args) => {
      mustSucceed(await volumes.pysync(share, `--size=${size}`, ...args));
    },
    letIn: async (share, ...args) => {
      const { account, sshd } = there();
      const peer = await createPeer({ account, sshd });
      peers.push(peer);
      mustSucceed(await volumes.pysync(share, '-i', peer.publicKey, ...args));
      return peer;
    },
    status: async (share) => {
      const result = await there().account.pysync(['status', '--json'], { timeoutMs });
      mustSucceed(result);
      const { shares: all } = JSON.parse(result.stdout) as {
        shares: { path: string; volume: VolumeStatus | null }[];
      };
      const volume = all.find(({ path }) => path === share)?.volume;
      if (volume === undefined || volume === null) throw new Error(`${share} has no cap`);
      return volume;
    },
    sh: async (script, ...args) => {
      const words = ['sh', '-euc', script, 'sh', ...args];
      const result = await there().account.run(words, { timeoutMs });
      mustSucceed(result);
      return result.stdout;
    },
    sums: async (folder) => {
      const script = 'cd "$1" && find . -type f -exec sha256sum {} + | sort -k2';
      return (await volumes.sh(script, folder)).split('\n').filter(Boolean);
    },
    image: (share) => {
      const data = join(there().account.home, '.local/share/pysync');
      const { shares: records } = JSON.parse(readFileSync(join(data, 'shares.json'), 'utf8')) as {
        shares: { path: string; volume: { id: string } }[];
      };
      const record = records.find(({ path }) => path === share);
      if (record === undefined) throw new Error(`${share} has no cap`);
      return join(data, 'volumes', `${record.volume.id}.img`);
    },
    serving: (share) => programsWith('fuse2fs', volumes.image(share)),
  };
  return volumes;
}

/** The processes of a program that has `word` among its arguments. */
async function programsWith(program: string, word: string): Promise<number[]> {
  const { stdout } = await mustExec(['ps', '-A', '-ww', '-o', 'pid=,stat=,comm=,args=']);
  return stdout.split('\n').flatMap((line) => {
    const [pid, state = '', name, ...args] = line.trim().split(/\s+/);
    return name === program && !state.startsWith('Z') && args.includes(word) ? [Number(pid)] : [];
  });
}

/** A file system of its own for `folder`, which is empty: an ext4 of `size` bytes on a loop device. */
export async function giveDisk(folder: string, { uid, gid }: Account, size: number): Promise<void> {
  const disk = `${folder}.disk`;
  await mustExec(['truncate', '-s', String(size), disk]);
  // Without a share for root alone, which a test run as root would see and its account not.
  await mustExec(['mkfs.ext4', '-q', '-m', '0', '-E', `root_owner=${uid}:${gid}`, disk]);
  await mustExec(['mount', '-o', 'loop', disk, folder]);
  await exec(['rmdir', join(folder, 'lost+found')]);
}

export function mustSucceed({ exitCode, stderr }: ExecResult): void {
  if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${stderr}`);
}
