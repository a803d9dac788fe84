/**
 * The filter, run by a simulator of the few instructions it is made of (seccomp(2), and struct
 * sock_filter of linux/filter.h); test/integration/sandbox/choose.test.ts has the kernel run it.
 */
import { describe, expect, it } from 'vitest';
import { deviceFilter } from '../../../src/sandbox/seccomp.js';

const x64 = 0xc000003e;
const arm64 = 0xc00000b7;
const allow = 'allow';
const refuse = 'errno 1';
const kill = 'kill the process';

/** What the kernel would do with the system call `number` of a program for `audit`. */
function verdict(filter: Buffer, audit: number, number: number): string {
  let accumulator = 0;
  for (let at = 0; at < filter.length / 8; at += 1) {
    const code = filter.readUInt16LE(at * 8);
    const [ifTrue, ifFalse] = [filter.readUInt8(at * 8 + 2), filter.readUInt8(at * 8 + 3)];
    const k = filter.readUInt32LE(at * 8 + 4);
    const jump = (holds: boolean): void => {
      at += holds ? ifTrue : ifFalse;
    };
    switch (code) {
      case 0x20: // BPF_LD | BPF_W | BPF_ABS, of struct seccomp_data { int nr; __u32 arch; … }
        accumulator = [number, audit][k / 4] ?? NaN;
        break;
      case 0x15: // BPF_JMP | BPF_JEQ | BPF_K
        jump(accumulator === k);
        break;
      case 0x45: // BPF_JMP | BPF_JSET | BPF_K
        jump((accumulator & k) !== 0);
        break;
      case 0x06: // BPF_RET | BPF_K
        if (k === 0x7fff0000) return allow;
        if (k === 0x80000000) return kill;
        return (k & 0xffff0000) === 0x00050000 ? `errno ${k & 0xffff}` : `unknown ${k}`;
      default:
        throw new Error(`the simulator does not know instruction ${code}`);
    }
  }
  throw new Error('the filter runs off its end');
}

function filterFor(arch: string): Buffer {
  return deviceFilter(arch) ?? Buffer.alloc(0);
}

/** The verdicts on every system call that there is, as the numbers that are not allowed. */
function refused(arch: string, audit: number): number[] {
  const filter = filterFor(arch);
  return Array.from({ length: 1024 }, (_, i) => i).filter(
    (i) => verdict(filter, audit, i) !== allow,
  );
}

describe('deviceFilter', () => {
  it('refuses mknod, mknodat and bind, and no other call', () => {
    expect(refused('x64', x64)).toEqual([49, 133, 259]);
    expect(refused('arm64', arm64)).toEqual([33, 200]);
    expect(verdict(filterFor('x64'), x64, 133)).toBe(refuse);
    expect(verdict(filterFor('x64'), x64, 259)).toBe(refuse);
    expect(verdict(filterFor('arm64'), arm64, 33)).toBe(refuse);
  });

  it('refuses the x32 calls of x86-64, whose numbers differ by one bit', () => {
    for (const number of [0, 133, 259]) {
      expect(verdict(filterFor('x64'), x64, 0x40000000 + number)).toBe(refuse);
    }
  });

  it('kills a program of another processor, which has other numbers', () => {
    const i386 = 0x40000003;
    expect(verdict(filterFor('x64'), i386, 14)).toBe(kill);
    expect(verdict(filterFor('arm64'), x64, 0)).toBe(kill);
  });

  it('is not there for a processor whose numbers are not known', () => {
    expect(deviceFilter('riscv64')).toBeUndefined();
  });
});
