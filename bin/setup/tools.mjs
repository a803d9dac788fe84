/**
 * The system's tools, and the Debian packages that bring them.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * One line for each tool: its name, its Debian package, and where it is needed. `on: 'linux'`
 * leaves it out elsewhere; `tests: true` asks for it with --test only.
 */
const tools = [
  { name: 'rsync', package: 'rsync' },
  { name: 'ssh', package: 'openssh-client' },
  { name: 'ssh-keygen', package: 'openssh-client' },
  { name: 'sshd', package: 'openssh-server' },
  { name: 'bwrap', package: 'bubblewrap', on: 'linux' },
  { name: 'ip', package: 'iproute2', on: 'linux', tests: true },
  { name: 'ps', package: 'procps', tests: true },
  { name: 'runuser', package: 'util-linux', on: 'linux', tests: true },
  { name: 'setfacl', package: 'acl', on: 'linux', tests: true },
  { name: 'setfattr', package: 'attr', on: 'linux', tests: true },
  { name: 'setpriv', package: 'util-linux', on: 'linux', tests: true },
  { name: 'unshare', package: 'util-linux', on: 'linux', tests: true },
  { name: 'useradd', package: 'passwd', on: 'linux', tests: true },
];

/** Debian leaves the sbin folders out of an ordinary user's PATH, yet sshd lies in one. */
const alwaysSearched = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Installs what is missing, or stops with the one line that would. */
export function installMissingTools({ forTests, say, stop }) {
  const missing = tools.filter(
    (tool) =>
      (tool.on ?? process.platform) === process.platform &&
      (forTests || tool.tests !== true) &&
      find(tool.name) === undefined,
  );
  if (missing.length === 0) return;
  const names = missing.map((tool) => tool.name).join(', ');
  const packages = [...new Set(missing.map((tool) => tool.package))].sort();
  const aptGet = process.platform === 'linux' ? find('apt-get') : undefined;
  if (aptGet === undefined) {
    const how =
      process.platform === 'darwin'
        ? `brew install ${packages.join(' ')}`
        : `with this system's package manager; Debian calls the packages: ${packages.join(' ')}`;
    stop(`not installed: ${names}. Install what is missing:\n  ${how}`);
  }

  const line = `sudo apt-get update && sudo apt-get install --yes --no-install-recommends ${packages.join(' ')}`;
  const asRoot = rootPrefix();
  if (asRoot === undefined) stop(byHand(names, line));
  say(`installing ${packages.join(', ')}`);
  // A failed update is no reason to stop: one unreachable list out of several fails it too, and
  // the install itself tells whether what is needed can be had.
  const runAptGet = (args) => {
    const [command, ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', aptGet];
    return spawnSync(command, [...rest, ...args], { stdio: ['inherit', 'pipe', 'pipe'] });
  };
  runAptGet(['update']);
  const { stderr } = runAptGet(['install', '--yes', '--no-install-recommends', ...packages]);
  const still = missing.filter((tool) => find(tool.name) === undefined);
  if (still.length === 0) return;
  process.stderr.write(stderr ?? '');
  stop(byHand(still.map((tool) => tool.name).join(', '), line));
}

const byHand = (names, line) =>
  `not installed: ${names}. It could not be installed from here, so run this and try again:\n  ${line}`;

/** What stands before a command to run it as root: nothing, sudo, or undefined for no way. */
function rootPrefix() {
  if (process.getuid() === 0) return [];
  const sudo = find('sudo');
  if (sudo === undefined) return undefined;
  if (process.stdin.isTTY && process.stderr.isTTY) return [sudo];
  // Nobody is there to type a password, so sudo is asked first whether it wants one.
  const probe = spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' });
  return probe.status === 0 ? [sudo, '-n'] : undefined;
}

function find(name) {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...alwaysSearched]) {
    if (!folder.startsWith('/')) continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
