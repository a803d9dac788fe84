/**
 * Can libguestfs make volumes here? Starting it takes half a minute, so this looks for the known
 * reasons why it could not; `--deep` starts it.
 */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { PysyncError } from '../../errors.js';
import { namesIn } from '../../system/readable.js';
import { makeTemporaryFolder } from '../../system/temporary.js';
import { lookForTool } from '../../system/tools.js';
import { newBackend } from '../../volume/backends.js';
import { knownFailure } from '../../volume/ext4/diagnose.js';
import { kvmObstacle } from '../../volume/kvm.js';
import type { Check, Finding } from '../check.js';
import { ok, warning } from '../finding.js';

/** No problem for peers: volumes that are there do without, and e2fsprogs makes new ones. */
const instead = 'until then e2fsprogs makes the volumes, which are the same';

export const libguestfs: Check = {
  name: 'libguestfs',
  run: () => Promise.resolve(look()),
};

export const libguestfsStart: Check = {
  name: 'libguestfs',
  run: async () => {
    const seen = look();
    if (seen.some(({ verdict }) => verdict !== 'ok')) return seen;
    const folder = makeTemporaryFolder();
    const begun = Date.now();
    try {
      const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
      const image = join(folder.path, 'trial.img');
      const request = {
        image,
        size: newBackend.minimumSize,
        ...owner,
        onProgress: () => undefined,
      };
      await newBackend.create(request, 'libguestfs');
      return [ok(`it made a volume in ${Math.round((Date.now() - begun) / 1000)} s`)];
    } catch (error) {
      if (!(error instanceof PysyncError)) throw error;
      return [warning(error.message, [...error.hints, instead])];
    } finally {
      folder.remove();
    }
  },
};

function look(): Finding[] {
  if (process.platform !== 'linux') return [ok('not used on this system')];
  const code = obstacle();
  if (code !== undefined) {
    const { sentence, hints } = knownFailure(code);
    return [warning(sentence, [...hints, instead])];
  }
  const kvm = kvmObstacle();
  if (kvm === undefined) return [ok('nothing known keeps it from starting; to start it: --deep')];
  return [
    ok(`nothing known keeps it from starting, but slowly, since ${kvm}; to start it: --deep`),
  ];
}

/** The code of the failure that it would end with (volume/ext4/diagnose.ts). */
function obstacle(): string | undefined {
  if (lookForTool('guestfish') === undefined) return 'ENGINE_MISSING';
  const machines = ['qemu-system-x86_64', 'qemu-system-aarch64', 'qemu-kvm', 'kvm'];
  const hasQemu = machines.some((name) => lookForTool(name) !== undefined);
  if (!hasQemu && process.env['LIBGUESTFS_HV'] === undefined) return 'ENGINE_NO_QEMU';
  // A ready-made appliance needs neither supermin nor a kernel: guestfs(3), LIBGUESTFS_PATH.
  if (process.env['LIBGUESTFS_PATH'] !== undefined) return undefined;
  if (lookForTool('supermin') === undefined) return 'ENGINE_NO_SUPERMIN';
  if (process.env['SUPERMIN_KERNEL'] !== undefined) return undefined;
  const kernels = kernelFiles();
  if (kernels.length === 0) return 'ENGINE_NO_KERNEL';
  return kernels.some(isReadable) ? undefined : 'ENGINE_KERNEL_UNREADABLE';
}

/** Where supermin looks for one that has modules, too: supermin(1). */
function kernelFiles(): string[] {
  const versions = namesIn('/lib/modules');
  const inBoot = namesIn('/boot').filter((name) => /^vmlinu[xz]-/.test(name));
  return [
    ...inBoot
      .filter((name) => versions.some((version) => name.endsWith(`-${version}`)))
      .map((name) => join('/boot', name)),
    ...versions.map((version) => join('/lib/modules', version, 'vmlinuz')).filter(isThere),
  ];
}

function isThere(path: string): boolean {
  return can(path, constants.F_OK);
}

function isReadable(path: string): boolean {
  return can(path, constants.R_OK);
}

function can(path: string, access: number): boolean {
  try {
    accessSync(path, access);
    return true;
  } catch {
    return false;
  }
}
