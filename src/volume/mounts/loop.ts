/**
 * The kernel's own ext4 through a loop device: the fastest way by far, for root, or for a user whom
 * one line of /etc/fstab allows it (fstab.ts). See mount(8), loop(4).
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { findTool, lookForTool } from '../../system/tools.js';
import { mountLocked } from './mount-locked.js';
import { hasFstabLine, kernelOptions } from './fstab.js';
import type { MountMethod, MountRequest } from './mount.js';
import { ownershipObstacle, setuidObstacle } from './obstacles.js';
import { unmount } from './unmount.js';

export const loop: MountMethod = {
  name: 'loop',
  obstacle: (request) => {
    if (process.platform !== 'linux') return 'this system has no loop mounts';
    for (const tool of ['mount', 'umount', 'flock']) {
      if (lookForTool(tool) === undefined) return `${tool} is not installed`;
    }
    return (isRoot() ? rootObstacle() : userObstacle(request)) ?? ownershipObstacle(request.image);
  },
  mount: async (request) => {
    await mountLocked(request, 'mount', isRoot() ? rootArguments(request) : [request.mountPoint]);
  },
  unmount,
};

function rootArguments({ image, mountPoint, readOnly }: MountRequest): string[] {
  const options = kernelOptions + (readOnly === true ? ',ro' : '');
  return ['-t', 'ext4', '-o', options, '--', image, mountPoint];
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** Root of a container often may not mount. */
function rootObstacle(): string | undefined {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  // capabilities(7): CAP_SYS_ADMIN is number 21.
  const mayMount = ((BigInt(`0x${effective ?? '0'}`) >> 21n) & 1n) === 1n;
  if (!mayMount) return 'this system does not let root mount (it may be a container)';
  try {
    accessSync('/dev/loop-control', constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return existsSync('/dev/loop-control')
      ? 'root may not use /dev/loop-control'
      : '/dev/loop-control is missing: modprobe loop';
  }
}

function userObstacle(request: MountRequest): string | undefined {
  // The line says how it is mounted, and a user cannot add to it.
  if (request.readOnly === true) return 'only root can mount read-only';
  if (!hasFstabLine(request)) return 'only root may; a line in /etc/fstab can allow it';
  return setuidObstacle(findTool('mount')) ?? setuidObstacle(findTool('umount'));
}
