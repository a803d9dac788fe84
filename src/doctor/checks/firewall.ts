/**
 * Is a firewall in the way? Only ufw and firewalld say so themselves; rules made by hand with nft or
 * iptables may mean anything. Never more than a hint.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { PysyncError } from '../../errors.js';
import { lanNetworks } from '../../system/network.js';
import { readLines } from '../../system/readable.js';
import { run } from '../../system/run.js';
import { findSshServer } from '../../sshd/server.js';
import { lookForTool } from '../../system/tools.js';
import type { Check, Finding } from '../check.js';
import { ok, warning } from '../finding.js';

export const firewall: Check = {
  name: 'firewall',
  run: async () => {
    if (process.platform !== 'linux') return [ok('not looked at on this system')];
    const { port } = await findSshServer(homedir());
    const found = [...ufw(port), ...(await firewalld(port))];
    if (found.length > 0) return found;
    return [ok('neither ufw nor firewalld is on; rules made by hand are not looked at')];
  },
};

/** ufw(8): whether it is on everybody may read, and its rules root alone. */
function ufw(port: number): Finding[] {
  const isOn = readLines('/etc/ufw/ufw.conf').some((line) => /^ENABLED=["']?yes/i.test(line));
  if (!isOn) return [];
  const rules = ['/etc/ufw/user.rules', '/etc/ufw/user6.rules'].map(readOrUndefined);
  const text = rules.join('\n');
  // `### tuple ### allow tcp 22 0.0.0.0/0 any 192.168.1.0/24 in`
  const allowed = new RegExp(
    `^### tuple ### (?:allow|limit) (?:tcp|any) (?:any|${port}) .* in`,
    'm',
  );
  if (allowed.test(text)) return [ok(`ufw lets port ${port} in`)];
  const isSeen = rules.some((each) => each !== undefined);
  const what = isSeen
    ? `ufw is on and has no rule that lets port ${port} in`
    : `ufw is on; whether it lets port ${port} in only root can see (sudo ufw status)`;
  return [
    warning(what, ['if peers cannot connect:', ...lanNetworks().map((n) => ufwRule(port, n))]),
  ];
}

function ufwRule(port: number, network: string): string {
  return `sudo ufw allow from ${network} to any port ${port} proto tcp`;
}

/** firewall-cmd(1) talks to the service, which may ask for a password: then it is not told. */
async function firewalld(port: number): Promise<Finding[]> {
  if (lookForTool('firewall-cmd') === undefined) return [];
  if ((await answer('firewall-cmd', ['--state'])) !== 'running') return [];
  const queries = [`--query-port=${port}/tcp`, ...(port === 22 ? ['--query-service=ssh'] : [])];
  const answers = await Promise.all(queries.map((query) => answer('firewall-cmd', [query])));
  if (answers.includes('yes')) return [ok(`firewalld lets port ${port} in`)];
  const isTold = answers.includes('no');
  const what = isTold
    ? `firewalld does not let port ${port} in`
    : `firewalld is on; whether it lets port ${port} in it does not tell you`;
  const rule = port === 22 ? '--add-service=ssh' : `--add-port=${port}/tcp`;
  return [warning(what, ['if peers cannot connect:', ...firewalldRules(rule)])];
}

function firewalldRules(rule: string): string[] {
  return [`sudo firewall-cmd --permanent ${rule}`, 'sudo firewall-cmd --reload'];
}

/** The first word that a tool says; empty where it is not there, fails or asks for something. */
async function answer(tool: string, args: readonly string[]): Promise<string> {
  try {
    const options = {
      purpose: 'look at the firewall',
      timeoutMs: 3000,
      expectExit: [0, 1, 3, 252],
    };
    return (await run(tool, args, options)).stdout.trim();
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    return '';
  }
}

function readOrUndefined(path: string): string | undefined {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
