/**
 * Firewalls: the real ufw, in a network namespace and with a copy of their files.
 */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mustExec } from '../../../helpers/exec.js';
import { readFindings } from '../../../helpers/findings.js';
import { useHome } from '../../../helpers/home.js';
import { createHosts } from '../../../helpers/hosts.js';
import type { Hosts } from '../../../helpers/hosts.js';
import { machineOf } from '../../../helpers/machine.js';
import { createTemporaryFolder } from '../../../helpers/tmp.js';

const home = useHome();
let hosts: Hosts;
let ufwFolder = '';

beforeAll(async () => {
  hosts = await createHosts();
});
afterAll(() => hosts.remove());
beforeEach(async () => {
  ufwFolder = createTemporaryFolder().path;
  await mustExec(['cp', '-a', '/etc/ufw/.', ufwFolder]);
  chmodSync(ufwFolder, 0o755);
});

/** Runs ufw as root on that host, with the copy of its files. */
async function ufw(...args: readonly string[]): Promise<void> {
  const script = 'mount --bind "$0" /etc/ufw && exec ufw "$@"';
  const argv = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, ufwFolder];
  await mustExec([...argv, ...args], { netns: hosts.receiver.netns });
}

async function check(): Promise<string[]> {
  const prepare = [`mount --bind ${ufwFolder} /etc/ufw`];
  const machine = machineOf(home, { prepare, netns: hosts.receiver.netns });
  return readFindings(await machine.pysync('doctor', 'firewall', '--json')).of('firewall');
}

describe('ufw', () => {
  it('is found where it is on, with the rule that lets peers in', async () => {
    expect(await check()).toEqual([
      'ok: neither ufw nor firewalld is on; rules made by hand are not looked at',
    ]);
    await ufw('--force', 'enable');
    const machine = machineOf(home, {
      prepare: [`mount --bind ${ufwFolder} /etc/ufw`],
      netns: hosts.receiver.netns,
    });
    const found = readFindings(await machine.pysync('doctor', 'firewall', '--json'));
    expect(found.of('firewall')).toEqual([
      'warning: ufw is on; whether it lets port 22 in only root can see (sudo ufw status)',
    ]);
    const network = `${hosts.receiver.address.replace(/\d+$/, '0')}/24`;
    expect(found.findings[0]?.hints).toContain(
      `sudo ufw allow from ${network} to any port 22 proto tcp`,
    );
    // Some systems let everybody read the rules.
    chmodSync(join(ufwFolder, 'user.rules'), 0o644);
    expect(await check()).toEqual(['warning: ufw is on and has no rule that lets port 22 in']);
    await ufw('allow', 'from', network, 'to', 'any', 'port', '22', 'proto', 'tcp');
    chmodSync(join(ufwFolder, 'user.rules'), 0o644);
    expect(await check()).toEqual(['ok: ufw lets port 22 in']);
    await ufw('--force', 'disable');
    expect(await check()).toEqual([
      'ok: neither ufw nor firewalld is on; rules made by hand are not looked at',
    ]);
  });
});
