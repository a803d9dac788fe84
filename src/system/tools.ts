/**
 * Where the system's tools are. They are found once by absolute path, in the system's own folders
 * before the caller's PATH: what is in `authorized_keys` for years must not depend on the PATH
 * of the shell that happened to run pysync.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PysyncError } from '../errors.js';

/** The Debian package that brings each tool. */
const packages: Readonly<Record<string, string>> = {
  bwrap: 'bubblewrap',
  rsync: 'rsync',
  sshd: 'openssh-server',
  'ssh-keygen': 'openssh-client',
  setpriv: 'util-linux',
  env: 'coreutils',
  ldd: 'libc-bin',
  chage: 'passwd',
  passwd: 'passwd',
  guestmount: 'guestmount',
  fuse2fs: 'fuse2fs',
  findmnt: 'util-linux',
  umount: 'mount',
  mount: 'mount',
  debugfs: 'e2fsprogs',
  dumpe2fs: 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  mke2fs: 'e2fsprogs',
  resize2fs: 'e2fsprogs',
  tune2fs: 'e2fsprogs',
  fallocate: 'util-linux',
  flock: 'util-linux',
  fusermount3: 'fuse3',
  busctl: 'systemd',
};

const systemFolders = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/opt/homebrew/bin',
];

const found = new Map<string, string>();

/** The absolute path of `tool`, or undefined where it is not installed. */
export function lookForTool(tool: string): string | undefined {
  // A program that the owner has named.
  if (tool.startsWith('/')) return isExecutable(tool) ? tool : undefined;
  const known = found.get(tool);
  if (known !== undefined) return known;
  const folders = [...systemFolders, ...(process.env['PATH'] ?? '').split(delimiter)];
  for (const folder of folders) {
    if (!folder.startsWith('/')) continue;
    const path = join(folder, tool);
    if (isExecutable(path)) {
      found.set(tool, path);
      return path;
    }
  }
  return undefined;
}

/** The absolute path of `tool`. Throws PysyncError `TOOL_MISSING` with the line that installs it. */
export function findTool(tool: string): string {
  const path = lookForTool(tool);
  if (path !== undefined) return path;
  const name = packages[tool] ?? tool;
  throw new PysyncError('TOOL_MISSING', `${tool} is not installed`, {
    hints: [`on Debian or Ubuntu: sudo apt-get install ${name}`],
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
