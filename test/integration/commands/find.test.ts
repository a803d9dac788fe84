/** `pysync find`: what a sender sees, and pastes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { exec, mustExec, systemPath } from '../../helpers/exec.js';
import { pysyncFind, waitUntilFound } from '../../helpers/found.js';
import { createHosts } from '../../helpers/hosts.js';
import type { Hosts } from '../../helpers/hosts.js';
import { startAnnouncer } from '../../helpers/mdns.js';
import type { Announcer } from '../../helpers/mdns.js';
import { createTemporaryFolder, waitFor } from '../../helpers/tmp.js';

const fingerprint = `SHA256:${'Anna'.repeat(10)}123`;

let hosts: Hosts;
let anna: Announcer;

beforeAll(async () => {
  hosts = await createHosts();
  for (const { netns } of [hosts.receiver, hosts.sender]) {
    const own = netns === hosts.receiver.netns ? 'fd00:77::1/64' : 'fd00:77::2/64';
    await mustExec(['ip', '-netns', netns, 'address', 'add', own, 'dev', 'eth0', 'nodad']);
  }
  anna = await startAnnouncer(hosts.receiver, { port: 2222, user: 'anna', fingerprint });
  await waitUntilFound(hosts.sender, 'anna on laptop');
});

afterAll(async () => {
  await anna.stop();
  await hosts.remove();
});

describe('pysync find', () => {
  it('lists who receives, and says that it is only what they claim', async () => {
    const { stdout, stderr, exitCode } = await pysyncFind(hosts.sender);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const [, zoned = ''] = /, (fe80::[\da-f:]+%eth0)\n/.exec(stdout) ?? [];
    expect(stdout).toBe(`anna on laptop
    ${hosts.receiver.address}, fd00:77::1, ${zoned}
    ${fingerprint}
    rsync -avP -e 'ssh -p 2222' FILE ${hosts.receiver.address}:

Anyone on the network can announce any name and fingerprint. Before you send, compare the
fingerprint that ssh shows you with the one on the receiver's own screen.
`);
  });

  it.each(['sh', 'bash', 'zsh', 'fish'])(
    'gives a command for each address that %s hands on to ssh as it should be',
    async (shell) => {
      const { addresses, commands } = await waitUntilFound(hosts.sender, 'anna on laptop');
      expect(addresses).toHaveLength(3);
      const folder = createTemporaryFolder().path;
      mkdirSync(join(folder, 'bin'));
      const ssh = '#!/bin/sh\nprintf "%s\\n" "$*" >>"$HOME/asked"\nexit 1\n';
      writeFileSync(join(folder, 'bin/ssh'), ssh, { mode: 0o755 });
      writeFileSync(join(folder, 'FILE'), '');
      const env = { HOME: folder, PATH: `${folder}/bin:${systemPath}` };
      for (const command of commands) await exec([shell, '-c', command], { cwd: folder, env });
      const { stdout } = await mustExec(['cat', join(folder, 'asked')]);
      const asked = stdout.split('\n').slice(0, -1);
      expect(asked.map((line) => line.replace(/ rsync --server .*/, ''))).toEqual(
        addresses.map((address) => `-p 2222 ${address}`),
      );
    },
  );

  it('says in one sentence that none was found, and what to do', async () => {
    const alone = await createHosts();
    const text = await waitFor('the cable to be plugged in', async () => {
      const result = await pysyncFind(alone.sender, '--wait', '0.2');
      return !result.stderr.includes('in no network') && result;
    });
    const json = await pysyncFind(alone.sender, '--wait', '0.2', '--json');
    await alone.remove();
    expect(text).toMatchObject({ stdout: '', exitCode: 1 });
    expect(text.stderr).toMatch(
      /^pysync: no receiver answered within 0\.2 seconds\n( {2}\S.*\n)+$/,
    );
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout)).toEqual({ receivers: [], isCut: false });
  });

  it('says nothing when it is interrupted', async () => {
    const finding = pysyncFind(hosts.sender, '--wait', '60');
    const pid = await waitFor('it to listen', async () => {
      const { stdout } = await hosts.sender.exec(['ss', '-lunpH', 'sport', '=', ':5353']);
      return /pid=(\d+)/.exec(stdout)?.[1];
    });
    process.kill(Number(pid), 'SIGINT');
    expect(await finding).toEqual({ stdout: '', stderr: '', exitCode: 130 });
  });

  it('refuses a wait that is not a number of seconds', async () => {
    const { stderr, exitCode } = await pysyncFind(hosts.sender, '--wait', 'long');
    expect(exitCode).toBe(2);
    expect(stderr).toBe("pysync: --wait 'long' is not a number of seconds from 0.1 to 300\n");
  });

  it('is the only command that loads what it needs of the network', async () => {
    const program = join(inject('program'), 'bin/pysync.js');
    const loads = async (...args: string[]): Promise<boolean> => {
      const env = { NODE_DEBUG: 'module' };
      const { stderr } = await hosts.sender.exec([inject('node'), program, ...args], { env });
      return stderr.includes('bonjour-service');
    };
    expect(await loads('find', '--wait', '0.1')).toBe(true);
    expect(await loads('--help')).toBe(false);
    expect(await loads('find', '--help')).toBe(false);
    expect(await loads('keys')).toBe(false);
  });
});
