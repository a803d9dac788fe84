/**
 * A seccomp filter that makes mknod and bind fail with EPERM: for an rsync older than 3.5.0, which has no
 * `--drop-D`. It keeps a client's devices, fifos and sockets out; other calls are untouched.
 *
 * The layout is `struct sock_filter` of linux/filter.h: code (16 bits), jt, jf (8 bits each), k (32
 * bits); offsets into `struct seccomp_data` of linux/seccomp.h.
 */

interface Architecture {
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly audit: number;
  /** mknod and mknodat; and bind, with which rsync makes a socket where mknod makes none. */
  readonly refused: readonly number[];
}

/** Numbers from the kernel's syscall tables. */
const architectures: Readonly<Record<string, Architecture>> = {
  x64: { audit: 0xc000003e, refused: [133, 259, 49] },
  arm64: { audit: 0xc00000b7, refused: [33, 200] },
};

const load = 0x20;
const jumpIfEqual = 0x15;
const jumpIfSet = 0x45;
const answer = 0x06;

const allow = 0x7fff0000;
const kill = 0x80000000;
const notPermitted = 0x00050001;

/** The filter for this processor; undefined where its system call numbers are not known here. */
export function deviceFilter(arch: string): Buffer | undefined {
  const machine = architectures[arch];
  if (machine === undefined) return undefined;
  const numbers = machine.refused;
  const refuse = numbers.length + 1;
  return Buffer.concat([
    instruction(load, 4),
    instruction(jumpIfEqual, machine.audit, 1, 0),
    // Another calling convention of the same processor has other numbers.
    instruction(answer, kill),
    instruction(load, 0),
    // The x32 calls of x86-64 carry this bit.
    instruction(jumpIfSet, 0x40000000, refuse, 0),
    ...numbers.map((number, i) => instruction(jumpIfEqual, number, refuse - i - 1, 0)),
    instruction(answer, allow),
    instruction(answer, notPermitted),
  ]);
}

function instruction(code: number, k: number, ifTrue = 0, ifFalse = 0): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeUInt16LE(code, 0);
  buffer.writeUInt8(ifTrue, 2);
  buffer.writeUInt8(ifFalse, 3);
  buffer.writeUInt32LE(k, 4);
  return buffer;
}
