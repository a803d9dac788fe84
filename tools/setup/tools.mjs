/**
 * The system's tools, and the Debian packages that bring them.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findKernel, kernelPackage } from './kernel.mjs';

/**
 * One line for each tool: its name, its Debian package, and where it is needed. `on: 'linux'`
 * leaves it out elsewhere; `for` names the only purposes it is for: 'volumes' (where a share gets a
 * size), 'sshd' (where `pysync serve` is not what receives: Debian starts one for all as soon as it is
 * installed), 'tests', 'demo'. `optional`: pysync knows another way, and tests have it. `services`: what the
 * package starts by itself, and nobody has asked for.
 */
const tools = [
  { name: 'rsync', package: 'rsync' },
  { name: 'ssh', package: 'openssh-client' },
  { name: 'ssh-keygen', package: 'openssh-client' },
  { name: 'sshd', package: 'openssh-server', for: ['sshd', 'tests'] },
  { name: 'bwrap', package: 'bubblewrap', on: 'linux' },
  { name: 'debugfs', package: 'e2fsprogs', on: 'linux', for: 'volumes' },
  { name: 'dumpe2fs', package: 'e2fsprogs', on: 'linux', for: 'volumes' },
  { name: 'e2fsck', package: 'e2fsprogs', on: 'linux', for: 'volumes' },
  { name: 'fallocate', package: 'util-linux', on: 'linux', for: 'volumes' },
  { name: 'flock', package: 'util-linux', on: 'linux', for: 'volumes' },
  { name: 'fuse2fs', package: 'fuse2fs', on: 'linux', for: 'volumes' },
  { name: 'fusermount3', package: 'fuse3', on: 'linux', for: 'volumes' },
  { name: 'mke2fs', package: 'e2fsprogs', on: 'linux', for: 'volumes' },
  { name: 'mount', package: 'mount', on: 'linux', for: 'volumes' },
  { name: 'resize2fs', package: 'e2fsprogs', on: 'linux', for: 'volumes' },
  { name: 'tune2fs', package: 'e2fsprogs', on: 'linux', for: 'volumes' },
  // These bring hundreds of megabytes, qemu among them. The package libguestfs-tools has ten more.
  { name: 'guestfish', package: 'guestfish', on: 'linux', for: 'volumes', optional: true },
  { name: 'guestmount', package: 'guestmount', on: 'linux', for: 'volumes', optional: true },
  {
    name: 'a kernel in /boot',
    package: kernelPackage(),
    on: 'linux',
    for: 'volumes',
    optional: true,
    find: findKernel,
  },
  {
    name: 'avahi-daemon',
    package: 'avahi-daemon',
    on: 'linux',
    for: 'tests',
    services: ['avahi-daemon.socket', 'avahi-daemon.service'],
  },
  { name: 'busctl', package: 'systemd', on: 'linux', for: 'tests' },
  { name: 'dbclient', package: 'dropbear-bin', on: 'linux', for: 'tests' },
  { name: 'dbus-daemon', package: 'dbus-daemon', on: 'linux', for: 'tests' },
  { name: 'dbus-monitor', package: 'dbus-bin', on: 'linux', for: 'tests' },
  { name: 'fish', package: 'fish', for: 'tests' },
  { name: 'ip', package: 'iproute2', on: 'linux', for: ['tests', 'demo'] },
  { name: 'libssh', package: 'libssh-4', on: 'linux', for: 'tests', find: findLibssh },
  { name: 'mandoc', package: 'mandoc', on: 'linux', for: 'tests' },
  { name: 'paramiko', package: 'python3-paramiko', on: 'linux', for: 'tests', find: findParamiko },
  { name: 'plink', package: 'putty-tools', on: 'linux', for: 'tests' },
  { name: 'ps', package: 'procps', for: 'tests' },
  { name: 'runuser', package: 'util-linux', on: 'linux', for: 'tests' },
  { name: 'setfacl', package: 'acl', on: 'linux', for: 'tests' },
  { name: 'setfattr', package: 'attr', on: 'linux', for: 'tests' },
  { name: 'shellcheck', package: 'shellcheck', for: 'tests' },
  { name: 'setpriv', package: 'util-linux', on: 'linux', for: ['tests', 'demo'] },
  { name: 'ss', package: 'iproute2', on: 'linux', for: 'tests' },
  { name: 'sudo', package: 'sudo', on: 'linux', for: 'tests' },
  { name: 'nft', package: 'nftables', on: 'linux', for: 'tests' },
  { name: 'ufw', package: 'ufw', on: 'linux', for: 'tests' },
  { name: 'unshare', package: 'util-linux', on: 'linux', for: ['tests', 'demo'] },
  { name: 'useradd', package: 'passwd', on: 'linux', for: ['tests', 'demo'] },
  { name: 'zsh', package: 'zsh', for: 'tests' },
  { name: 'Xvfb', package: 'xvfb', on: 'linux', for: 'demo' },
  { name: 'a font', package: 'fonts-dejavu-core', on: 'linux', for: 'demo', find: findFont },
  { name: 'ffmpeg', package: 'ffmpeg', on: 'linux', for: 'demo' },
  { name: 'gifsicle', package: 'gifsicle', on: 'linux', for: 'demo' },
  { name: 'nsenter', package: 'util-linux', on: 'linux', for: ['tests', 'demo'] },
  { name: 'tmux', package: 'tmux', on: 'linux', for: 'demo' },
  { name: 'xterm', package: 'xterm', on: 'linux', for: 'demo' },
];

/** Debian leaves the sbin folders out of an ordinary user's PATH, yet sshd lies in one. */
const alwaysSearched = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * Installs what is missing, or stops with the one line that would. Where only optional tools cannot
 * be had it says so and goes on, except for tests. `purposes` are those of the table.
 */
export function installMissingTools({ purposes, say, stop }) {
  const isWanted = (tool) =>
    (tool.on ?? process.platform) === process.platform &&
    (tool.for === undefined || [tool.for].flat().some((purpose) => purposes.includes(purpose)));
  const missing = tools.filter((tool) => isWanted(tool) && !isThere(tool));
  if (missing.length === 0) return;
  const isOptional = (tool) => tool.optional === true && !purposes.includes('tests');
  const needed = missing.filter((tool) => !isOptional(tool));
  const giveUp = () => {
    const still = missing.filter((tool) => !isThere(tool));
    const text = byHand(still);
    if (still.every(isOptional)) say(`${text}\n  pysync goes on without`);
    else stop(text);
  };
  const aptGet = process.platform === 'linux' ? find('apt-get') : undefined;
  const asRoot = rootPrefix();
  if (aptGet === undefined || asRoot === undefined) {
    giveUp();
    return;
  }

  say(`installing ${packagesOf(missing).join(', ')}`);
  // A failed update is no reason to stop: one unreachable list out of several fails it too, and
  // the install itself tells whether what is needed can be had.
  const runAptGet = (args) => {
    const [command, ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', aptGet];
    return spawnSync(command, [...rest, ...args], { stdio: ['inherit', 'pipe', 'pipe'] });
  };
  runAptGet(['update']);
  // Each by itself: one package that a system does not know keeps apt-get from all the others.
  for (const group of [needed, ...missing.filter(isOptional).map((tool) => [tool])]) {
    if (group.length === 0) continue;
    const install = ['install', '--yes', '--no-install-recommends'];
    const { stderr } = runAptGet([...install, ...packagesOf(group)]);
    if (!group.every(isThere)) process.stderr.write(stderr ?? '');
  }
  stopServices(
    missing.flatMap((tool) => tool.services ?? []),
    asRoot,
  );
  if (!missing.every(isThere)) giveUp();
}

/** Tests start what they need by themselves, in namespaces of their own. */
function stopServices(services, asRoot) {
  const systemctl = find('systemctl');
  if (services.length === 0 || systemctl === undefined) return;
  const [command, ...rest] = [...asRoot, systemctl, 'disable', '--now', ...services];
  spawnSync(command, rest, { stdio: ['inherit', 'ignore', 'ignore'] });
}

const packagesOf = (some) => [...new Set(some.map((tool) => tool.package))].sort();

const isThere = (tool) => (tool.find ?? find)(tool.name) !== undefined;

function findFont() {
  const path = '/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf';
  return existsSync(path) ? path : undefined;
}

function findParamiko() {
  const path = '/usr/lib/python3/dist-packages/paramiko';
  return existsSync(path) ? path : undefined;
}

function findLibssh() {
  const { stdout } = spawnSync('/sbin/ldconfig', ['--print-cache'], { encoding: 'utf8' });
  return /libssh\.so\.4 .*=> (\S+)/.exec(stdout ?? '')?.[1];
}

function byHand(some) {
  const names = some.map((tool) => tool.name).join(', ');
  const packages = packagesOf(some).join(' ');
  if (process.platform === 'darwin') {
    return `not installed: ${names}. Install what is missing:\n  brew install ${packages}`;
  }
  if (find('apt-get') === undefined) {
    return (
      `not installed: ${names}. Install what is missing:\n` +
      `  with this system's package manager; Debian calls the packages: ${packages}`
    );
  }
  return (
    `not installed: ${names}. It could not be installed from here, so run this and try again:\n` +
    `  sudo apt-get update && sudo apt-get install --yes --no-install-recommends ${packages}`
  );
}

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
