/** Does the ssh server's configuration let an imported key in, and in no other way than we mean? */
import { realpathSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { importedKeys } from '../../keys/imported.js';
import { groupName } from '../../system/accounts.js';
import { lanAddresses } from '../../system/network.js';
import { serverSettings } from '../../sshd/settings.js';
import type { ServerSettings } from '../../sshd/settings.js';
import type { Check, Finding } from '../check.js';
import { ok, problem, warning } from '../finding.js';
import { matchesAny } from '../patterns.js';

const judgements: readonly ((settings: ServerSettings) => Finding[])[] = [
  keyFile,
  publicKeys,
  users,
  groups,
  otherCommand,
  environment,
];

export const sshSettings: Check = {
  name: 'ssh settings',
  run: async () => {
    const { username } = userInfo();
    const known = lanAddresses().map(({ address }) => address);
    const addresses = known.length > 0 ? known : ['127.0.0.1'];
    const { keys } = await importedKeys();
    const types = [...new Set(keys.map(({ type }) => type))];
    // One for each network: a Match block may be about one of them.
    const views = await Promise.all(
      addresses.map(async (address) => {
        const settings = await serverSettings(username, address);
        return [
          ...judgements.flatMap((judge) => judge(settings)),
          ...keyTypes(settings, types),
          ...conditional(settings, username, address),
          ok(`nothing is in the way of keys, by ${origin(settings)}`),
        ];
      }),
    );
    const found = [...new Map(views.flat().map((each) => [each.text, each])).values()];
    const bad = found.filter(({ verdict }) => verdict !== 'ok');
    return bad.length > 0 ? bad : found;
  },
};

function origin({ origin }: ServerSettings): string {
  return origin === 'sshd' ? 'sshd -T for clients on this network' : 'its config files';
}

/** AuthorizedKeysFile: sshd_config(5). */
function keyFile({ words }: ServerSettings): Finding[] {
  const given = words('authorizedkeysfile');
  const files = given.length > 0 ? given : ['.ssh/authorized_keys', '.ssh/authorized_keys2'];
  const ours = realPath(join(homedir(), '.ssh/authorized_keys'));
  if (files.some((file) => realPath(expand(file)) === ours)) return [];
  return [
    problem(`sshd looks for keys in ${files.join(' ')}, and not in ${ours}`, [
      'have this line in the configuration of sshd, before any other AuthorizedKeysFile:',
      'AuthorizedKeysFile .ssh/authorized_keys',
    ]),
  ];
}

function expand(file: string): string {
  const { username, uid } = userInfo();
  const values: Readonly<Record<string, string>> = {
    '%%': '%',
    '%h': homedir(),
    '%u': username,
    '%U': String(uid),
  };
  const path = file.replaceAll(/%./g, (token) => values[token] ?? token);
  return path.startsWith('/') ? path : join(homedir(), path);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function publicKeys({ words }: ServerSettings): Finding[] {
  if (words('pubkeyauthentication')[0]?.toLowerCase() === 'no') {
    return [
      problem('sshd takes no public keys (PubkeyAuthentication no)', [
        'have this line in the configuration of sshd: PubkeyAuthentication yes',
      ]),
    ];
  }
  const methods = words('authenticationmethods');
  if (methods.length === 0 || methods.some((list) => /^(?:any|publickey)$/.test(list))) return [];
  return [
    problem(`sshd asks for more than a key (AuthenticationMethods ${methods.join(' ')})`, [
      'have publickey among the AuthenticationMethods of this user, alone in its word',
    ]),
  ];
}

function users({ words }: ServerSettings): Finding[] {
  const { username } = userInfo();
  const root = words('permitrootlogin')[0]?.toLowerCase();
  if (username === 'root' && root === 'no') {
    return [problem('sshd lets root in by no means (PermitRootLogin no)', ['share as a user'])];
  }
  return judgeLists('user', [username], words('denyusers'), words('allowusers'));
}

function groups({ words }: ServerSettings): Finding[] {
  const names = (process.getgroups?.() ?? []).map(groupName);
  const own = groupName(userInfo().gid);
  return judgeLists('group', [own, ...names], words('denygroups'), words('allowgroups'));
}

/** Which types of keys sshd takes for a login: sshd_config(5), PubkeyAcceptedAlgorithms. */
function keyTypes({ origin, words }: ServerSettings, types: readonly string[]): Finding[] {
  // In the files the list may start with `+` or `-`, and then adds to a default unknown to us.
  if (origin === 'files') return [];
  const listed = [...words('pubkeyacceptedalgorithms'), ...words('pubkeyacceptedkeytypes')];
  const accepted = new Set(listed.flatMap((list) => list.split(',')));
  if (accepted.size === 0) return [];
  const algorithms = (type: string): string[] =>
    type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', type] : [type];
  const refused = types.filter((type) => !algorithms(type).some((name) => accepted.has(name)));
  return refused.map((type) =>
    problem(`sshd takes no key of the type ${type}, as an imported one is`, [
      `add it to PubkeyAcceptedAlgorithms in the configuration of sshd, or import another key`,
    ]),
  );
}

/** A pattern of users may continue with `@HOST`: sshd_config(5), AllowUsers. */
function judgeLists(
  what: 'user' | 'group',
  names: readonly string[],
  denied: readonly string[],
  allowed: readonly string[],
): Finding[] {
  const keyword = what === 'user' ? 'Users' : 'Groups';
  const fits = (pattern: string): boolean =>
    names.some((name) => matchesAny(name, [pattern.split('@', 1)[0] ?? '']));
  const denial = denied.find(fits);
  if (denial !== undefined && !denial.includes('@')) {
    return [problem(`sshd keeps this ${what} out (Deny${keyword} ${denial})`, [remedy(keyword)])];
  }
  const found: Finding[] = [];
  if (denial !== undefined) found.push(dependsOnHost(`Deny${keyword} ${denial}`));
  if (allowed.length === 0) return found;
  const leave = allowed.filter(fits);
  if (leave.length === 0) {
    const list = `Allow${keyword} ${allowed.join(' ')}`;
    return [problem(`sshd does not let this ${what} in (${list})`, [remedy(keyword)])];
  }
  if (leave.every((pattern) => pattern.includes('@'))) {
    found.push(dependsOnHost(`Allow${keyword} ${leave.join(' ')}`));
  }
  return found;
}

function remedy(keyword: string): string {
  return `change Allow${keyword} or Deny${keyword} in the configuration of sshd, and reload it`;
}

function dependsOnHost(line: string): Finding {
  return warning(`whether sshd lets a peer in depends on the peer's address (${line})`);
}

/** What takes the place of our forced command, or keeps it from being found. */
function otherCommand({ words }: ServerSettings): Finding[] {
  const found: Finding[] = [];
  const command = words('forcecommand').join(' ');
  if (command !== '' && command !== 'none') {
    const text = `sshd runs another command for every key (ForceCommand ${command})`;
    found.push(problem(text, ['take the line out, or put it in a Match block for other users']));
  }
  const root = words('chrootdirectory').join(' ');
  if (root !== '' && root !== 'none') {
    const text = `sshd shuts this user in a folder without our launcher (ChrootDirectory ${root})`;
    found.push(problem(text, ['take the line out, or put it in a Match block for other users']));
  }
  return found;
}

/**
 * Variables that make a login shell, or the loader in front of it, run what they name. They act
 * before any forced command (docs/security.md, "A careless sshd").
 */
const dangerous = [
  ...['LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT', 'GCONV_PATH', 'GLIBC_TUNABLES', 'LOCPATH'],
  ...['BASH_ENV', 'ENV', 'ZDOTDIR', 'XDG_CONFIG_HOME', 'XDG_DATA_DIRS', 'HOME', 'PATH', 'IFS'],
  ...['SHELLOPTS', 'PS4', 'PROMPT_COMMAND', 'BASH_FUNC_echo%%', 'FPATH'],
];

function environment({ words }: ServerSettings): Finding[] {
  const patterns = words('acceptenv');
  const bad = dangerous.filter((name) => matchesAny(name, patterns));
  if (bad.length === 0) return [];
  const guilty = patterns.filter((pattern) => bad.some((name) => matchesAny(name, [pattern])));
  return [
    problem(
      `peers may set ${bad.slice(0, 3).join(', ')}${bad.length > 3 ? ' and more' : ''} for your login shell, and so run what they sent (AcceptEnv ${guilty.join(' ')})`,
      ['have this line in the configuration of sshd instead: AcceptEnv LANG LC_*'],
    ),
  ];
}

/** From the files alone it cannot be seen whom a block is about: its lines are shown. */
function conditional({ conditional }: ServerSettings, user: string, address: string): Finding[] {
  const bearing = new Set([
    ...['authorizedkeysfile', 'pubkeyauthentication', 'authenticationmethods', 'acceptenv'],
    ...['allowusers', 'denyusers', 'allowgroups', 'denygroups', 'forcecommand', 'chrootdirectory'],
  ]);
  return conditional
    .filter(({ name }) => bearing.has(name))
    .map(({ name, value, match }) =>
      warning(`may apply to peers: ${name} ${value} (Match ${match ?? ''})`, [
        'what sshd makes of it only root can see:',
        `sudo sshd -T -C user=${user},host=${address},addr=${address}`,
      ]),
    );
}
