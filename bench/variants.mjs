/**
 * The three keys that are compared: unrestricted, rrsync's and pysync's.
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';

/**
 * Each with its target and the words of an rsync client that uses it. All files land in one and
 * the same folder: where the file system happens to put a folder made ten thousand small files
 * differ by a fifth, with the very same key.
 */
export function createVariants({ folder, account, program, port }) {
  const { home } = account;
  const share = join(home, 'public');
  const variant = (name) => createVariant({ folder, account, port }, name, share);
  const [plain, rrsync, ours] = ['unrestricted', 'rrsync', 'pysync'].map(variant);
  plain.target += `${share}/`;

  fs.mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  const lines = [plain.publicKey, `restrict,command="rrsync ${share}" ${rrsync.publicKey}`];
  fs.writeFileSync(join(home, '.ssh/authorized_keys'), `${lines.join('\n')}\n`, { mode: 0o600 });
  fs.mkdirSync(share);
  if (process.getuid() === 0) {
    execFileSync('chown', ['-R', `${account.uid}:${account.gid}`, home]);
  }
  runPysync({ account, program }, '--import', ours.publicKey);
  return [plain, rrsync, ours];
}

/** A key of its own, with the words of an rsync client that uses it. */
export function createVariant({ folder, account, port }, name, share) {
  const key = join(folder, `key-${name}`);
  createKey(key);
  const ssh = ['ssh', '-F', 'none', '-p', port, '-i', key, '-o', 'IdentitiesOnly=yes'];
  ssh.push('-o', `UserKnownHostsFile=${folder}/known_hosts`, '-o', 'BatchMode=yes');
  ssh.push('-o', 'StrictHostKeyChecking=accept-new', '-o', 'LogLevel=ERROR');
  const publicKey = fs.readFileSync(`${key}.pub`, 'utf8').trim();
  const rsync = ['rsync', '-e', ssh.join(' ')];
  return { name, share, rsync, target: `${account.name}@127.0.0.1:`, publicKey };
}

/** Runs pysync as the account, and gives what it printed. */
export function runPysync({ account, program }, ...args) {
  const [command, ...words] = asAccount(account, [process.execPath, program, ...args]);
  return execFileSync(command, words, {
    env: environment(account),
    cwd: account.home,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** A command in the words that run it as the account. */
export function asAccount({ become }, argv) {
  return [...become, ...argv];
}

export function environment(account) {
  return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: account.home, USER: account.name };
}

export function createKey(path) {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
}
