/**
 * One account, one sshd, three keys: unrestricted, rrsync's and pysync's, each with a folder.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { copyProgram } from './copy-program.mjs';
import { endProcesses } from './processes.mjs';
import { createKey, createVariants } from './variants.mjs';

const isRoot = process.getuid() === 0;
const sshd = '/usr/sbin/sshd';

/** Pushes what undoes it onto `undo` before each step that leaves something. */
export async function setUp(undo) {
  const folder = fs.mkdtempSync(join(tmpdir(), 'pysync-bench-'));
  undo.push(() => {
    // The sshd and the clients name this folder in their arguments.
    endProcesses((each) => each.commandLine.includes(folder));
    fs.rmSync(folder, { recursive: true, force: true });
  });
  fs.chmodSync(folder, 0o755);
  const account = createAccount(folder, undo);
  const program = copyProgram(join(folder, 'program'));
  const { port, pid } = await startSshd(folder, account);
  const variants = createVariants({ folder, account, program, port });
  return { folder, account, program, port, sshd: pid, variants, undo, description: describe() };
}

/** A user of its own as root, so that the account is what pysync is made for: an ordinary one. */
function createAccount(folder, undo) {
  const home = join(folder, 'home');
  if (!isRoot) {
    fs.mkdirSync(home);
    return { name: userInfo().username, uid: process.getuid(), home, become: [] };
  }
  const name = `pysyncb${randomBytes(4).toString('hex')}`;
  const id = (option) =>
    Number(spawnSync('id', [option, name], { encoding: 'utf8' }).stdout || 'NaN');
  undo.push(() => {
    const uid = id('-u');
    endProcesses((each) => each.uid === uid);
    spawnSync('userdel', ['-r', name]);
  });
  execFileSync('useradd', ['-m', '-d', home, '-p', '*', '-s', '/bin/bash', name]);
  const [uid, gid] = [id('-u'), id('-g')];
  const become = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'];
  return { name, uid, gid, home, become };
}

async function startSshd(folder, account) {
  const port = await findFreePort();
  const hostKey = join(folder, 'host_key');
  createKey(hostKey);
  const config = join(folder, 'sshd_config');
  const keys = join(account.home, '.ssh/authorized_keys');
  const lines = ['ListenAddress 127.0.0.1', `Port ${port}`, `HostKey ${hostKey}`, 'UsePAM no'];
  lines.push('PidFile none', 'StrictModes no', `AuthorizedKeysFile ${keys}`);
  fs.writeFileSync(config, `${lines.join('\n')}\n`);
  if (isRoot) fs.mkdirSync('/run/sshd', { recursive: true });
  const log = join(folder, 'sshd.log');
  const child = spawn(sshd, ['-D', '-f', config, '-E', log], { stdio: 'ignore', detached: true });
  child.unref();
  for (let tries = 0; !read(log).includes('Server listening'); tries += 1) {
    if (tries > 500) throw new Error(`sshd did not start: ${read(log)}`);
    await delay(20);
  }
  return { port, pid: child.pid };
}

function describe() {
  const version = (...argv) => {
    const { stdout, stderr } = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8' });
    return `${stdout}${stderr}`.split('\n')[0].replace(/ {2}protocol.*|,.*/, '');
  };
  const cpu = cpus();
  return [
    `${cpu.length} × ${cpu[0].model}, node ${process.version}, ${version('rsync', '--version')}, ` +
      `${version('ssh', '-V')}, ${version('bwrap', '--version')}.`,
    'Ratios are medians over rounds in which all take turns; in brackets the middle half.',
  ].join('\n');
}

function read(path) {
  return fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : '';
}

export function findFreePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
