/**
 * Why guestfish failed. It always exits with 1; the reason is somewhere in its debug output. Each row
 * was seen with libguestfs 1.48: test/integration/volume/engine-libguestfs.test.ts reproduces most of
 * them.
 */
import { brokenKvm } from '../kvm.js';

export interface Diagnosis {
  /** `ENGINE_…` where another engine may do better. */
  readonly code: string;
  readonly sentence: string;
  readonly hints: readonly string[];
  /** Whether KVM may be to blame: worth another launch that does without. */
  readonly isKvmBroken: boolean;
}

interface Failure {
  readonly code: string;
  readonly sign: RegExp;
  readonly sentence: string;
  readonly hint?: string;
  readonly isKvmBroken?: true;
}

const install = 'on Debian or Ubuntu: sudo apt-get install';

/** The first that matches counts: causes are before their effects. */
const failures: readonly Failure[] = [
  {
    code: 'DISK_FULL',
    sign: /libguestfs: error: .*: (?:fallocate|posix_fallocate|write): (?:No space left|Disk quota)/,
    sentence: 'the disk has no room for the volume',
    hint: 'ask for less, or free some space',
  },
  {
    code: 'IMAGE_BUSY',
    sign: /Failed to get (?:shared )?"(?:write|consistent read)" lock/,
    sentence: 'the disk image is in use by another program',
    hint: 'wait for it to end, then run the command again',
  },
  {
    code: 'ENGINE_KERNEL_UNREADABLE',
    sign: /cp: cannot open '[^']*vmlinu[^']*' for reading: Permission denied/,
    sentence: 'libguestfs cannot run: the kernel in /boot may be read by root alone',
    hint: 'as Ubuntu has it; to change that: sudo chmod a+r /boot/vmlinuz-*',
  },
  {
    code: 'ENGINE_NO_KERNEL',
    sign: /supermin: failed to find a suitable kernel/,
    sentence: 'libguestfs cannot run: there is no kernel in /boot for its appliance',
    hint: `${install} linux-image-$(dpkg --print-architecture); on Ubuntu: linux-image-generic`,
  },
  {
    code: 'ENGINE_CACHE_FULL',
    sign: /^(?:supermin|cp|mke2fs|libguestfs: error): .*No space left on device/m,
    sentence: 'libguestfs cannot run: there is no room for its appliance (0.7 GB)',
    hint: 'free some space in /var/tmp, or set LIBGUESTFS_CACHEDIR to a folder on another disk',
  },
  {
    code: 'ENGINE_CACHE_UNUSABLE',
    sign: /libguestfs: error: .*(?:cached appliance .* is not owned by|cached appliance .* writable by)/,
    sentence: "libguestfs cannot run: its cache folder is another user's",
    hint: 'set LIBGUESTFS_CACHEDIR to a folder of your own',
  },
  {
    code: 'ENGINE_NO_APPLIANCE',
    sign: /cannot find any suitable libguestfs supermin, fixed or old-style appliance/,
    sentence: 'libguestfs cannot run: the parts of its appliance are not installed',
    hint: `${install} --reinstall libguestfs0`,
  },
  {
    code: 'ENGINE_NO_SUPERMIN',
    sign: /supermin exited with error status 12[67]/,
    sentence: 'libguestfs cannot run: supermin is not installed',
    hint: `${install} supermin`,
  },
  {
    code: 'ENGINE_NO_QEMU',
    sign: /libguestfs: error: \S+ exited with error status 12[67]/,
    sentence: 'libguestfs cannot run: qemu is not installed',
    hint: `${install} qemu-system-x86, on ARM qemu-system-arm`,
  },
  {
    code: 'ENGINE_NO_MEMORY',
    sign: /cannot set up guest memory|Cannot allocate memory|killed by signal 9/,
    sentence: 'libguestfs cannot run: there is not enough memory for its appliance (0.5 GB)',
    hint: 'close some programs, then run the command again',
  },
  {
    code: 'ENGINE_LAUNCH_FAILED',
    sign: brokenKvm,
    sentence: 'libguestfs cannot run: its virtual machine does not start',
    hint: 'libguestfs-test-tool shows why',
    isKvmBroken: true,
  },
];

const notInstalled: Failure = {
  code: 'ENGINE_MISSING',
  sign: /^$/,
  sentence: 'libguestfs is not installed',
  hint: `${install} guestfish`,
};

const timedOut: Failure = {
  code: 'ENGINE_TIMED_OUT',
  sign: /^$/,
  sentence: 'libguestfs did not end in time and was stopped',
  hint: 'the machine may be too busy: try again later',
  isKvmBroken: true,
};

const unknown: Failure = {
  code: 'ENGINE_FAILED',
  sign: /^/,
  sentence: 'libguestfs failed for a reason that pysync does not know',
  hint: 'libguestfs-test-tool shows what it does',
};

/** What the output of guestfish tells, or how it ended where it gave none. */
export function diagnose(
  stderr: string,
  ending: 'exit 1' | 'not installed' | 'timed out',
): Diagnosis {
  const found = failureFor(stderr, ending);
  const { code, sentence, hint, isKvmBroken = false } = found;
  return { code, sentence, hints: hint === undefined ? [] : [hint], isKvmBroken };
}

/** What a person is told about a failure that was found before anything was run. */
export function knownFailure(code: string): Pick<Diagnosis, 'sentence' | 'hints'> {
  const failure = [...failures, notInstalled].find((each) => each.code === code) ?? unknown;
  return { sentence: failure.sentence, hints: failure.hint === undefined ? [] : [failure.hint] };
}

function failureFor(stderr: string, ending: Parameters<typeof diagnose>[1]): Failure {
  switch (ending) {
    case 'not installed':
      return notInstalled;
    case 'timed out':
      return timedOut;
    case 'exit 1':
      return failures.find(({ sign }) => sign.test(stderr)) ?? unknown;
  }
}
