/** Whether peers reach the ssh server: a host in a network namespace, with and without one. */
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { findTool } from '../../../../src/system/tools.js';
import { mustExec } from '../../../helpers/exec.js';
import { readFindings } from '../../../helpers/findings.js';
import type { FoundLine } from '../../../helpers/findings.js';
import { useHome } from '../../../helpers/home.js';
import { createHosts } from '../../../helpers/hosts.js';
import type { Hosts } from '../../../helpers/hosts.js';
import { machineOf } from '../../../helpers/machine.js';
import { startSshd } from '../../../helpers/sshd.js';
import type { Sshd } from '../../../helpers/sshd.js';

const home = useHome();
let hosts: Hosts;
let sshd: Sshd | undefined;

beforeAll(async () => {
  hosts = await createHosts();
});
afterEach(async () => {
  await sshd?.stop();
  sshd = undefined;
});
afterAll(() => hosts.remove());

async function start(address: string): Promise<void> {
  sshd = await startSshd({ account: home.account, netns: hosts.receiver.netns, address });
}

async function check(netns = hosts.receiver.netns, hidden: string[] = []): Promise<FoundLine[]> {
  const config = home.write('sshd_config', 'Port 22\n');
  const machine = machineOf(home, { netns, hidden, env: { PYSYNC_SSHD_CONFIG: config } });
  const result = await machine.pysync('doctor', 'ssh-server', '--json');
  return [...readFindings(result).findings];
}

it('is found to answer on the network', async () => {
  await start('0.0.0.0');
  const { address, netns } = hosts.receiver;
  const [found] = await check();
  expect(found?.text).toMatch(/^SSH-2\.0-OpenSSH_.* answers on [\d.]+, port 22$/);
  expect(found).toMatchObject({ verdict: 'ok', text: expect.stringContaining(address) as string });

  // A second address, on which it does not listen.
  const ip = ['ip', '-netns', netns];
  await mustExec([...ip, 'address', 'add', 'fd00:1234::1/64', 'dev', 'eth0', 'nodad']);
  const found2 = await check();
  await mustExec([...ip, 'address', 'del', 'fd00:1234::1/64', 'dev', 'eth0']);
  expect(found2.map(({ verdict, text }) => `${verdict}: ${text}`)[1]).toBe(
    'warning: nothing answers on fd00:1234::1, port 22',
  );
});

it('is found to answer on this machine alone', async () => {
  await start('127.0.0.1');
  expect(await check()).toMatchObject([
    {
      verdict: 'problem',
      text: `the ssh server answers on this machine alone, and not on ${hosts.receiver.address} (port 22)`,
    },
  ]);
});

it('is found not to run, or not to be installed', async () => {
  expect(await check()).toMatchObject([
    { verdict: 'problem', text: 'no ssh server answers on this machine (port 22)' },
  ]);
  expect(await check(undefined, [findTool('sshd')])).toMatchObject([
    {
      verdict: 'problem',
      text: 'no ssh server is installed',
      hints: [expect.stringContaining('pysync serve'), 'sudo apt-get install openssh-server'],
    },
  ]);
});

it('is found to be in no network', async () => {
  await start('0.0.0.0');
  const ip = ['ip', '-netns', hosts.receiver.netns];
  const address = `${hosts.receiver.address}/24`;
  await mustExec([...ip, 'address', 'del', address, 'dev', 'eth0']);
  const found = await check();
  await mustExec([...ip, 'address', 'add', address, 'dev', 'eth0']);
  expect(found).toMatchObject([
    { verdict: 'problem', text: 'this machine is in no network now, so no peer can reach it' },
  ]);
});

it("is found to be another's than OpenSSH", async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('SSH-2.0-dropbear_2022.83\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as { port: number };
  const config = home.write('sshd_config', `Port ${port}\n`);
  const env = { PYSYNC_SSHD_CONFIG: config };
  const result = await home.pysync(['doctor', 'ssh-server', '--json'], { env });
  await close(server);
  expect(result.stdout).toContain("the ssh server is none of OpenSSH's: SSH-2.0-dropbear_2022.83");
});

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
