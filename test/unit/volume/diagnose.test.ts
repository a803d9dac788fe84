/** The lines are those that libguestfs 1.48 on Debian 12 gave when each was reproduced. */
import { expect, test } from 'vitest';
import { diagnose } from '../../../src/volume/ext4/diagnose.js';

const exited = (tool: string, status: number): string =>
  `*stdin*:0: libguestfs: error: /usr/bin/${tool} exited with error status ${status}, see debug messages above\n`;

const cannotBoot =
  '*stdin*:0: libguestfs: error: appliance closed the connection unexpectedly, see earlier error messages\n' +
  'libguestfs: child_cleanup: 0x55a68f5a3b70: child process died\n';

test.each([
  [
    'a disk without room',
    '*stdin*:0: libguestfs: error: /home/me/b.img: fallocate: No space left on device\n',
    'DISK_FULL',
  ],
  [
    'an image that another qemu has open',
    `qemu-system-x86_64: -device scsi-hd,drive=hd0: Failed to get "write" lock\n${cannotBoot}`,
    'IMAGE_BUSY',
  ],
  [
    'a kernel that only root can read',
    "cp: cannot open '/boot/vmlinuz-6.1.0-56-amd64' for reading: Permission denied\n" +
      "supermin: cp -p '/boot/vmlinuz-6.1.0-56-amd64' '/var/tmp/.guestfs-1000/appliance.d.sq/kernel': command failed, see earlier errors\n" +
      exited('supermin', 1),
    'ENGINE_KERNEL_UNREADABLE',
  ],
  [
    'no kernel at all',
    `supermin: failed to find a suitable kernel (host_cpu=x86_64).\n${exited('supermin', 1)}`,
    'ENGINE_NO_KERNEL',
  ],
  [
    'a full cache folder',
    'supermin: error: statvfs: No space left on device: /var/tmp/.guestfs-0/appliance.d.24/root\n' +
      exited('supermin', 1),
    'ENGINE_CACHE_FULL',
  ],
  [
    "a cache folder of somebody else's",
    '*stdin*:0: libguestfs: error: security: cached appliance /var/tmp/.guestfs-65534 is not owned by UID 65534\n',
    'ENGINE_CACHE_UNUSABLE',
  ],
  [
    'an appliance that is not installed',
    '*stdin*:0: libguestfs: error: cannot find any suitable libguestfs supermin, fixed or old-style appliance on LIBGUESTFS_PATH (search path: /usr/lib/x86_64-linux-gnu/guestfs)\n',
    'ENGINE_NO_APPLIANCE',
  ],
  [
    'no supermin',
    `/usr/bin/supermin: Permission denied\n${exited('supermin', 126)}`,
    'ENGINE_NO_SUPERMIN',
  ],
  [
    'no qemu',
    `/usr/bin/qemu-system-x86_64: Permission denied\n${exited('qemu-system-x86_64', 126)}`,
    'ENGINE_NO_QEMU',
  ],
  [
    'too little memory',
    'qemu-system-x86_64: allocate 1073741824 bytes for jit buffer: Cannot allocate memory\n' +
      cannotBoot +
      exited('qemu-system-x86_64', 1),
    'ENGINE_NO_MEMORY',
  ],
  ['something else', '*stdin*:0: libguestfs: error: mke2fs: it is Monday\n', 'ENGINE_FAILED'],
])('%s is recognised', (_what, stderr, code) => {
  const diagnosis = diagnose(stderr, 'exit 1');
  expect(diagnosis).toMatchObject({ code, isKvmBroken: false });
  expect(diagnosis.hints).toHaveLength(1);
});

test.each([
  '*stdin*:0: libguestfs: error: /usr/bin/qemu-system-x86_64 killed by signal 6 (Aborted), see debug messages above\n',
  '*stdin*:0: libguestfs: error: guestfs_launch failed, see earlier error messages\n',
])('a virtual machine that aborted is worth another try without KVM', (stderr) => {
  expect(diagnose(stderr, 'exit 1')).toMatchObject({
    code: 'ENGINE_LAUNCH_FAILED',
    isKvmBroken: true,
  });
});

test('so is one that says nothing', () => {
  expect(diagnose('', 'timed out')).toMatchObject({ code: 'ENGINE_TIMED_OUT', isKvmBroken: true });
});

test('that KVM was closed to the user, and emulated, is not what went wrong', () => {
  const stderr =
    'Could not access KVM kernel module: Permission denied\n' +
    'qemu-system-x86_64: failed to initialize kvm: Permission denied\n' +
    'qemu-system-x86_64: falling back to tcg\n' +
    '*stdin*:0: libguestfs: error: mke2fs: it is Monday\n';
  expect(diagnose(stderr, 'exit 1')).toMatchObject({ code: 'ENGINE_FAILED' });
});

test('where guestfish is not there it says how to get it', () => {
  expect(diagnose('', 'not installed')).toEqual({
    code: 'ENGINE_MISSING',
    sentence: 'libguestfs is not installed',
    hints: ['on Debian or Ubuntu: sudo apt-get install guestfish'],
    isKvmBroken: false,
  });
});
