/**
 * The stage: a small world with two hosts on one cable, and one account on each. It is
 * set up from within new namespaces (see record.mjs), so nothing has to be undone.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';

/** Where the folder of the recording is seen from within. */
export const ground = '/mnt';

/** The result's name in that folder. */
export const gif = 'demo.gif';

export const run = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' });

/** Puts `folder` and empty places over what belongs to the machine. */
export function buildGround(folder) {
  // Without the locks of somebody who makes an account now; 24: a file went away meanwhile.
  const copy = 'rsync -a --exclude="*.lock" /etc/ "$0" || [ $? = 24 ]';
  run('sh', '-c', copy, join(folder, 'etc'));
  fs.mkdirSync(join(folder, 'var-tmp'));
  fs.chmodSync(join(folder, 'var-tmp'), 0o1777);
  run('mount', '--bind', folder, ground);
  for (const [from, to] of [
    ['etc', '/etc'],
    ['home', '/home'],
    ['var-tmp', '/var/tmp'],
  ]) {
    run('mount', '--bind', join(ground, from), to);
  }
  for (const [place, mode] of [
    ['/tmp', '1777'],
    ['/run', '755'],
    ['/var/mail', '755'],
    ['/var/log', '755'],
  ]) {
    run('mount', '-t', 'tmpfs', '-o', `mode=${mode}`, 'pysync-demo', place);
  }
}

/** Two hosts that know nothing but each other; a host is the process that keeps it alive. */
export async function createHosts(first, second) {
  for (const host of [first, second]) {
    const script = 'hostname "$0" && ip link set lo up && echo up && exec sleep infinity';
    const keeper = spawn('unshare', ['--net', '--uts', 'sh', '-c', script, host.name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => keeper.stdout.once('data', resolve));
    host.enter = ['nsenter', `--target=${keeper.pid}`, '--net', '--uts'];
    host.pid = keeper.pid;
  }
  const end = (host) => ['name', 'eth0', 'netns', String(host.pid)];
  run('ip', 'link', 'add', ...end(first), 'type', 'veth', 'peer', ...end(second));
  for (const { enter, address } of [first, second]) {
    const [command, ...words] = [...enter, 'ip'];
    run(command, ...words, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    run(command, ...words, 'link', 'set', 'eth0', 'up');
  }
}

/** An ordinary account of the host, whoever else has that name outside. */
export function createUser(host) {
  const { user } = host;
  if (fs.readFileSync('/etc/passwd', 'utf8').includes(`\n${user}:`)) run('userdel', '-f', user);
  // The password * fits no password, and does not lock the account as the usual ! does.
  const home = ['-m', '-d', `/home/${user}`, '-s', '/bin/bash'];
  // A number of its own: to the kernel, and to whoever ends the processes of an account of theirs
  // outside, these are users of the whole machine.
  run('useradd', '-l', '-U', '-u', String(randomInt(30_000, 60_000)), ...home, '-p', '*', user);
  host.become = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', '--reset-env'];
}

/** The words before a command that the host's user runs there, at home. */
export function asUser({ enter, become, user }) {
  const path = 'PATH=/home/.tools:/usr/local/bin:/usr/bin:/bin';
  return [...enter, ...become, 'env', '-C', `/home/${user}`, path, 'LANG=C.UTF-8'];
}
