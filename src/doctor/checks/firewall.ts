/**
 * Is a firewall in the way? What it lets in only root can see with most of them, so this tells what
 * is to be seen, and never more than a hint.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { PysyncError } from '../../errors.js';
import { lanAddresses } from '../../system/network.js';
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
    const found = [...ufw(port), ...(await firewalld(port)), ...(await netfilter(port))];
    if (found.length > 0) return found;
    return [ok('none is seen; one set up by hand only root could see')];
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
  return [warning(what, ['if peers cannot connect:', ...networks().map((n) => ufwRule(port, n))])];
}

function ufwRule(port: number, network: string): string {
  return `sudo ufw allow from ${network} to any port ${port} proto tcp`;
}

function networks(): string[] {
  return lanAddresses().map(({ cidr }) => cidr);
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

/** Rules in the kernel. Root sees them; others see whether a service loads some. */
async function netfilter(port: number): Promise<Finding[]> {
  if (process.geteuid?.() !== 0) return nftablesService(port);
  const ruleset = await answer('nft', ['list', 'ruleset']);
  const isClosed = /hook input [^\n]*policy drop;/.test(ruleset);
  if (!isClosed) return iptables(port);
  if (new RegExp(`tcp dport (?:${port}\\b|\\{[^}]*\\b${port}\\b|ssh)[^\\n]*accept`).test(ruleset)) {
    return [];
  }
  return [notSeen('nftables', port, 'sudo nft list ruleset')];
}

async function iptables(port: number): Promise<Finding[]> {
  const rules = await answer('iptables', ['-S', 'INPUT']);
  if (!/^-P INPUT DROP$/m.test(rules)) return [];
  if (new RegExp(`--dport ${port}\\b.*-j ACCEPT`).test(rules)) return [];
  return [notSeen('iptables', port, 'sudo iptables -S')];
}

function notSeen(what: string, port: number, command: string): Finding {
  return warning(`${what} drops what no rule lets in, and none for port ${port} is seen`, [
    'if peers cannot connect, look at its rules:',
    command,
  ]);
}

/** Debian's service loads /etc/nftables.conf, which everybody may read. */
async function nftablesService(port: number): Promise<Finding[]> {
  if ((await answer('systemctl', ['is-active', 'nftables'])) !== 'active') return [];
  const text = readOrUndefined('/etc/nftables.conf') ?? '';
  if (!text.includes('policy drop') || new RegExp(`\\b(?:${port}|ssh)\\b`).test(text)) return [];
  return [notSeen('nftables', port, 'sudo nft list ruleset')];
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
