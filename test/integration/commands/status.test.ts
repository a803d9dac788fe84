/** `pysync` alone: shares, peers, the command for senders, and how they are confined. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { mustExec } from '../../helpers/exec.js';
import { parseJson, useHome } from '../../helpers/home.js';
import { createHosts } from '../../helpers/hosts.js';
import { ed25519Line } from '../../helpers/key-blob.js';
import { createPeer } from '../../helpers/peer.js';
import { startSshd } from '../../helpers/sshd.js';
import { waitFor } from '../../helpers/tmp.js';

const home = useHome();
const gate = '.local/share/pysync/launcher';
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('pysync status', () => {
  it('says how to begin where nothing is imported yet, and touches nothing', async () => {
    const before = await home.snapshot();
    for (const args of [[], ['status']]) {
      expect(await home.pysync(args)).toEqual({
        stdout:
          `${home.path('public')}  not made yet\n\n` +
          'Nobody may send yet. To let somebody in: pysync -i <key | file | github-user>\n',
        stderr: '',
        exitCode: 0,
      });
    }
    expect(parseJson(await home.pysync(['--json']))).toMatchObject({
      shares: [{ path: home.path('public'), usage: null, keys: [] }],
      broken: [],
      running: [],
      confinement: null,
      sshServer: { port: 9, listens: false },
    });
    expect(await home.snapshot()).toBe(before);
  });

  it('shows each share with what is in it and who may use it', async () => {
    await home.pysync(['-i', ed25519Line(), '--name', 'bob']);
    await home.pysync([
      '-i',
      ed25519Line(),
      '--name',
      'carol',
      '--dir',
      'drop',
      '--access',
      'write-only',
    ]);
    home.write('public/movie.mkv', Buffer.alloc(3 * 1024 * 1024));
    home.write('public/deep/er/note.txt', 'x');
    const { stdout, stderr } = await home.pysync([]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^\/.*\/public {2}3MB in 2 files, .* free on this disk\n {4}bob {2}SHA256:/,
    );
    expect(stdout).toMatch(
      /\n\/.*\/drop {2}0B in 0 files, .*\n {4}carol {2}SHA256:\S+ {2}write-only\n/,
    );
    expect(stdout).toContain(
      'No ssh server answers on this machine (port 9), so nobody can send yet.',
    );
    expect(stdout).toContain('Confinement: rsync runs in a bubblewrap sandbox');
    expect(parseJson(await home.pysync(['status', '--json']))).toMatchObject({
      shares: [
        { path: home.path('public'), usage: { bytes: 3145729, files: 2 }, keys: [{ name: 'bob' }] },
        { path: home.path('drop'), usage: { files: 0 }, keys: [{ name: 'carol' }] },
      ],
      confinement: 'bubblewrap',
    });
  });

  it('shows the command for senders, the host keys to expect, and who is sending now', async () => {
    const hosts = await createHosts();
    cleanups.push(() => hosts.remove());
    const { address, netns } = hosts.receiver;
    const sshd = await startSshd({ account: home.account, address, netns });
    cleanups.push(() => sshd.stop());
    // What an administrator would have put in /etc/ssh; the test's own may not be read by others.
    const scanned = await mustExec(['ssh-keyscan', '-t', 'ed25519', address], { netns });
    const hostKey = scanned.stdout.split('\n').find((line) => line.includes('ssh-ed25519')) ?? '';
    home.write('etc/host_key.pub', hostKey.split(' ').slice(1).join(' '));
    const config = `# Port 2222\nListenAddress ${address}\nHostKey ${home.path('etc/host_key')}\n`;
    home.write('etc/sshd_config.d/own.conf', config);
    const env = {
      PYSYNC_SSHD_CONFIG: home.write('etc/sshd_config', 'Include sshd_config.d/*.conf\n'),
    };

    const peer = await createPeer({ sshd, account: home.account, netns: hosts.sender.netns });
    await home.pysync(['-i', peer.publicKey, '--name', 'bob'], { netns, env });
    const status = await home.pysync([], { netns, env });
    expect(status.stdout).toContain(`\n    rsync -avP FILE ${home.account.name}@${address}:\n`);
    expect(status.stdout).not.toContain('No ssh server');
    const listed = await mustExec(['ssh-keygen', '-l', '-f', home.path('etc/host_key.pub')]);
    const [, fingerprint = ''] = listed.stdout.split(' ');
    expect(status.stdout).toContain(`It has to be one of these:\n    ED25519 ${fingerprint}\n`);

    const end = new AbortController();
    writeFileSync(join(peer.folder, 'big'), Buffer.alloc(32 * 1024 * 1024));
    const transfer = peer.rsync(['--bwlimit=1M', 'big', `${peer.target}:`], { signal: end.signal });
    const now = `now: bob (${hosts.sender.address}) is sending into ${home.path('public')}`;
    await waitFor('the transfer to be shown', async () =>
      (await home.pysync([], { netns, env })).stdout.includes(now),
    );
    expect(parseJson(await home.pysync(['--json'], { netns, env }))).toMatchObject({
      running: [{ peer: 'bob', address: hosts.sender.address, direction: 'push' }],
      commands: [`rsync -avP FILE ${home.account.name}@${address}:`],
      sshServer: { port: 22, listens: true },
      hostKeys: [{ type: 'ED25519', fingerprint }],
    });
    end.abort();
    await transfer;
    await waitFor(
      'the transfer to be over',
      async () => !(await home.pysync([], { netns, env })).stdout.includes('now:'),
    );
  });

  it('writes the launcher again where it was damaged or lost, and says so', async () => {
    await home.pysync(['-i', ed25519Line()]);
    const [whole, before] = [home.read(gate), await home.pysync([])];
    const damages = [
      () => home.write(gate, whole.replace('restrict', '').slice(0, 900), 0o700),
      () => home.write(gate, '#!/bin/sh\nexec bash\n', 0o700),
      () => {
        rmSync(home.path(gate));
      },
      () => {
        chmodSync(home.path(gate), 0o600);
      },
    ];
    for (const damage of damages) {
      damage();
      const fixed = await home.pysync([]);
      expect(fixed.stderr).toBe('pysync: the launcher was out of date and was written again\n');
      expect(fixed.stdout).toContain('bubblewrap sandbox');
      expect(home.read(gate)).toBe(whole);
      expect(home.mode(gate)).toBe('700');
    }
    expect(await home.pysync([])).toMatchObject({ stderr: '', exitCode: before.exitCode });
  });

  it('reports a line in authorized_keys that was damaged', async () => {
    await home.pysync(['-i', ed25519Line()]);
    const lines = home.read('.ssh/authorized_keys');
    home.write('.ssh/authorized_keys', lines.replace('--access read-write', '--access all'), 0o600);
    const { stderr, exitCode } = await home.pysync([]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('line 1 of');
    expect(stderr).toContain('--access is missing or malformed');
  });
});
