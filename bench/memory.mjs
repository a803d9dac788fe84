/**
 * What stands between sshd and rsync while a transfer runs, and how much memory it holds.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { listProcesses, memoryOf } from './processes.mjs';
import { writeRandom } from './transfers.mjs';

export async function memory(bench) {
  const file = join(bench.folder, 'slow');
  writeRandom(file, 64);
  const rows = [];
  for (const variant of bench.variants) rows.push(await lookInto(bench, variant, file));
  return [
    '| during a transfer | processes between sshd and rsync | PSS | RSS |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}

async function lookInto({ folder, account }, variant, file) {
  const [command, ...args] = [...variant.rsync, '-a', '--bwlimit=4M', file, variant.target];
  const client = spawn(command, args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => client.on('close', resolve));
  try {
    // rsync's receiver and generator are both there once data flows.
    let found = [];
    for (let tries = 0; found.filter(isServer).length < 2; tries += 1) {
      if (tries > 500) throw new Error(`${variant.name}: no transfer began`);
      await delay(20);
      found = serverSide(folder, account);
    }
    await delay(500);
    const between = serverSide(folder, account).filter((each) => !isServer(each));
    const sizes = between.map(({ pid }) => memoryOf(pid));
    const sum = (name) => sizes.reduce((total, size) => total + size[name], 0);
    const names = between.map(({ name }) => name).join(', ') || 'none';
    return `| ${variant.name} | ${names} | ${sum('pss')} kB | ${sum('rss')} kB |`;
  } finally {
    client.kill('SIGKILL');
    await ended;
  }
}

/** The account's processes but sshd's own and the clients of this benchmark. */
function serverSide(folder, account) {
  return listProcesses().filter(
    (each) =>
      each.uid === account.uid &&
      !each.name.startsWith('sshd') &&
      !each.commandLine.includes(folder + '/key') &&
      !each.commandLine.includes('/slow') &&
      descendsFromSshd(each.pid),
  );
}

const isServer = ({ commandLine }) => /^[^\0]*rsync\0--server/.test(commandLine);

function descendsFromSshd(pid) {
  for (let each = pid; each > 1;) {
    try {
      const [, name, parent] = /\((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${each}/stat`, 'utf8'));
      if (name.startsWith('sshd')) return true;
      each = Number(parent);
    } catch {
      return false;
    }
  }
  return false;
}
