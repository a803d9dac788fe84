/** KVM, without which the virtual machine of the libguestfs tools runs, but slowly. */
import { closeSync, openSync } from 'node:fs';
import { errnoOf } from '../errors.js';

/**
 * Why this user has no KVM here; undefined where it can be used. Asked by opening it, as qemu does:
 * the mode of the file says too little.
 */
export function kvmObstacle(): string | undefined {
  try {
    closeSync(openSync('/dev/kvm', 'r+'));
    return undefined;
  } catch (error) {
    return errnoOf(error) === 'EACCES'
      ? 'you may not use /dev/kvm (sudo adduser "$USER" kvm)'
      : 'this machine has no /dev/kvm';
  }
}

/**
 * What the tools write where a KVM that can be opened is broken, as inside other virtual machines:
 * worth another launch without it. Of a qemu that aborts, libguestfs names the signal only while it
 * tests what that can do.
 */
export const brokenKvm = /killed by signal 6 \(Aborted\)|guestfs_launch failed/;
