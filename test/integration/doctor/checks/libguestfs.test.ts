/** Whether libguestfs could start, on machines that lack a part of it. */
import { expect, it } from 'vitest';
import { findTool } from '../../../../src/system/tools.js';
import { readFindings } from '../../../helpers/findings.js';
import { useHome } from '../../../helpers/home.js';
import { machineOf } from '../../../helpers/machine.js';
import type { MachineOptions } from '../../../helpers/machine.js';

const home = useHome();
const empty = 'mount -t tmpfs none';

async function check(options: MachineOptions, ...args: readonly string[]): Promise<string[]> {
  const result = await machineOf(home, options).pysync('doctor', 'libguestfs', '--json', ...args);
  return readFindings(result).of('libguestfs');
}

it('is said to have what it needs', async () => {
  const [found = ''] = await check({});
  expect(found).toMatch(/^ok: nothing known keeps it from starting/);
  // An ordinary account is not in the group of /dev/kvm, or there is none.
  expect(found).toMatch(/, but slowly, since (?:you may not use|this machine has no) \/dev\/kvm/);
});

it('is found to lack a part', async () => {
  const modules = `${empty} /lib/modules && mkdir /lib/modules/1.2`;
  const kernel = `${empty} /boot && cp /etc/passwd /boot/vmlinuz-1.2 && chmod`;
  const lacking: readonly (readonly [MachineOptions, string])[] = [
    [{ hidden: [findTool('guestfish')] }, 'libguestfs is not installed'],
    [{ hidden: [findTool('supermin')] }, 'libguestfs cannot run: supermin is not installed'],
    [
      { prepare: [`for tool in /usr/bin/qemu-system-*; do mount --bind /dev/null $tool; done`] },
      'libguestfs cannot run: qemu is not installed',
    ],
    [
      { prepare: [`${empty} /boot`, `${empty} /lib/modules`] },
      'libguestfs cannot run: there is no kernel in /boot for its appliance',
    ],
    [
      { prepare: [modules, `${kernel} 600 /boot/vmlinuz-1.2`] },
      'libguestfs cannot run: the kernel in /boot may be read by root alone',
    ],
  ];
  // Where a part is missing, --deep does not try to start it.
  expect(await check(lacking[0]?.[0] ?? {}, '--deep')).toEqual([`warning: ${lacking[0]?.[1]}`]);
  for (const [options, sentence] of lacking) {
    expect(await check(options)).toEqual([`warning: ${sentence}`]);
  }
  expect((await check({ prepare: [modules, `${kernel} 644 /boot/vmlinuz-1.2`] }))[0]).toMatch(
    /^ok/,
  );
});
