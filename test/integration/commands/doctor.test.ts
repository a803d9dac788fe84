/** `pysync doctor` as a whole: what a person reads of a machine that is well, and of one that is not. */
import { afterEach, describe, expect, it } from 'vitest';
import { readFindings } from '../../helpers/findings.js';
import { useHome } from '../../helpers/home.js';
import { createHosts } from '../../helpers/hosts.js';
import { createPeer } from '../../helpers/peer.js';
import { startSshd } from '../../helpers/sshd.js';

const home = useHome();
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** In the order in which they are printed; the last word is for those who have no volume. */
const names = [
  ...['ssh server', 'firewall', 'ssh settings', 'account', 'keys', 'github keys'],
  ...['login shell', 'launcher', 'rsync', 'confinement', 'shares', 'volumes', 'libguestfs'],
];

describe('pysync doctor', () => {
  it('finds a machine well into which a peer can send, and then what has gone wrong', async () => {
    const { account } = home;
    const hosts = await createHosts();
    cleanups.push(() => hosts.remove());
    const { address, netns } = hosts.receiver;
    const sshd = await startSshd({ account, address, netns });
    cleanups.push(() => sshd.stop());
    const env = { PYSYNC_SSHD_CONFIG: home.write('sshd_config', 'Port 22\nUsePAM yes\n') };
    const peer = await createPeer({ sshd, account, netns: hosts.sender.netns });
    cleanups.push(() => {
      peer.remove();
      return Promise.resolve();
    });
    await home.pysync(['-i', peer.publicKey, '--name', 'bob'], { env, netns });
    expect(await peer.rsync([peer.publicKeyFile, `${peer.target}:`])).toMatchObject({
      exitCode: 0,
    });

    const before = await home.snapshot();
    const { stdout, stderr, exitCode } = await home.pysync(['doctor'], { env, netns });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const lines = stdout.split('\n').filter((line) => /^(?:ok|warning|problem) /.test(line));
    expect(lines.map((line) => line.slice(9, 21).trimEnd())).toEqual(names);
    // How old the rsync is, is this machine's matter.
    expect(lines.filter((line) => !line.startsWith('ok ')).join()).toMatch(
      /^(?:warning {2}rsync.*)?$/,
    );
    expect(stdout).toMatch(/\n\n(?:All is well\.|No problem, 1 warning\.)\n$/);
    // Only the folder in which the sandbox was tried has another time.
    const changed = (await home.snapshot()).split('\n').filter((line) => !before.includes(line));
    expect(changed.filter((line) => !line.startsWith('.local/share/pysync d '))).toEqual([]);

    // And now with the server gone.
    await sshd.stop();
    const broken = await home.pysync(['doctor'], { env, netns });
    expect(broken.exitCode).toBe(1);
    expect(broken.stderr).toBe('pysync: 1 problem found\n');
    expect(broken.stdout).toMatch(
      /^problem {2}ssh server {4}no ssh server answers on this machine \(port 22\)\n {25}to receive without one, until Ctrl-C: pysync serve\n {25}sudo systemctl enable --now ssh\n/,
    );
    expect(broken.stdout).not.toContain('All is well');
  });

  it('has something to say before anything is imported, and makes nothing', async () => {
    const before = await home.snapshot();
    const result = await home.pysync(['doctor', '--json']);
    const found = readFindings(result);
    expect([...new Set(found.findings.map(({ check }) => check))]).toEqual(names);
    expect(found.of('launcher')).toEqual(['ok: none yet; it is made with the first import']);
    expect(found.of('confinement')[0]).toMatch(/^ok: nothing got out of it/);
    expect(await home.snapshot()).toBe(before);
    // Nor does --fix, where there is nothing to fix.
    await home.pysync(['doctor', '--fix']);
    expect(await home.snapshot()).toBe(before);
  });

  it('makes one check alone, and knows their names', async () => {
    const { stdout, exitCode } = await home.pysync(['doctor', 'keys', 'shares']);
    expect(stdout.split('\n').map((line) => line.slice(0, 15).trimEnd())).toEqual([
      'ok       keys',
      'ok       shares',
      '',
      'All is well.',
      '',
    ]);
    expect(exitCode).toBe(0);
    const known = names.map((name) => name.replace(' ', '-'));
    // It has nothing to say where serve was never used.
    known.splice(1, 0, 'serve');
    expect(await home.pysync(['doctor', 'heart'])).toEqual({
      stdout: '',
      stderr: `pysync: 'heart' is not a check\n  the checks are: ${known.join(', ')}\n`,
      exitCode: 2,
    });
  });
});
