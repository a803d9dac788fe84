/**
 * The kernel that libguestfs starts its appliance with: any will do. A machine has the one it runs;
 * a container has none.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where supermin looks, or undefined where it would find nothing. */
export function findKernel() {
  const modules = list('/lib/modules');
  const inModules = modules.map((name) => join('/lib/modules', name, 'vmlinuz')).find(existsSync);
  const inBoot = list('/boot').find((name) => /^vmlinu[xz]-/.test(name));
  return modules.length === 0 ? undefined : (inModules ?? inBoot);
}

/** The package that brings one: Debian and Ubuntu name it differently. */
export function kernelPackage() {
  const isUbuntu = /^ID(?:_LIKE)?=.*ubuntu/m.test(read('/etc/os-release'));
  if (isUbuntu) return 'linux-image-generic';
  return `linux-image-${process.arch === 'x64' ? 'amd64' : process.arch}`;
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
