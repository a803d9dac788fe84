/**
 * `pysync serve --install` and `--uninstall`, beside a systemd that is acted by a script; what it starts
 * is the real one. With a real systemd it was tried by hand.
 */
import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bannerAt } from '../../../src/sshd/server.js';
import { parseJson, useHome } from '../../helpers/home.js';
import { findFreePort } from '../../helpers/sshd.js';
import { unitFile, useUserSystemd } from '../../helpers/user-systemd.js';
import type { UserSystemd } from '../../helpers/user-systemd.js';

const home = useHome();
let systemd: UserSystemd;
let port: string;

beforeEach(async () => {
  systemd = useUserSystemd(home);
  port = String(await findFreePort('::'));
});
afterEach(() => systemd.end());

const serve = (...args: readonly string[]) => systemd.machine.pysync('serve', ...args);
const install = (...args: readonly string[]) => serve('--install', '--port', port, ...args);
const answers = (at = port) => bannerAt(Number(at), '127.0.0.1');

describe('pysync serve --install', () => {
  it('has systemd start it, and says how senders reach it and when it ends', async () => {
    const { stdout, stderr, exitCode } = await install('--no-announce', '--access', 'write-only');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(await answers()).toBe('SSH-2.0-pysync');
    expect(systemd.isEnabled()).toBe(true);
    expect(home.mode(unitFile)).toBe('644');
    expect(home.read(unitFile)).toContain(
      `bin/pysync.js serve --port ${port} --no-announce --access write-only\n`,
    );
    expect(stdout).toContain(
      `pysync serve runs, and starts with each login. It receives on port ${port}`,
    );
    expect(stdout).toMatch(/\n {4}ED25519 SHA256:/);
    expect(stdout).toMatch(/at boot: loginctl enable-linger\n$/);
  });

  it('does not offer what is on already', async () => {
    systemd.set('linger');
    const result = parseJson(await install('--json', '--no-announce'));
    expect(result).toMatchObject({ applied: true, running: true, lingers: true });
    expect((await install('--no-announce')).stdout).not.toContain('enable-linger');
  });

  it('starts it again with other options, and leaves it alone with the same', async () => {
    await install('--no-announce');
    const calls = systemd.calls().length;
    expect((await install('--no-announce')).exitCode).toBe(0);
    expect(systemd.calls().slice(calls)).not.toContain('restart pysync.service');
    const other = String(await findFreePort('::'));
    expect((await serve('--install', '--no-announce', '--port', other)).exitCode).toBe(0);
    expect(await answers(other)).toBe('SSH-2.0-pysync');
    expect(await answers()).toBeUndefined();
  });

  it('shows the unit and changes nothing with --dry-run', async () => {
    const before = await home.snapshot();
    const { stdout, exitCode } = await install('--dry-run');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^# Written by pysync .*\n\[Install\]\nWantedBy=default.target\n$/s);
    expect(await home.snapshot()).toBe(before);
    expect(systemd.calls()).toEqual([]);
  });

  it('says what to do where there is no systemd, and writes no unit', async () => {
    systemd.set('unreached');
    const { stderr, exitCode } = await install();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^pysync: there is no systemd here that could start pysync serve/);
    expect(stderr).toContain("  tmux new-session -d 'pysync serve'\n");
    expect(existsSync(home.path(unitFile))).toBe(false);
  });

  it('is started at the next login where systemd cannot be reached', async () => {
    const booted = 'mount -t tmpfs none /run && mkdir -p /run/systemd/system';
    systemd = useUserSystemd(home, { prepare: [booted] });
    systemd.set('unreached');
    const { stdout, exitCode } = await install();
    expect(exitCode).toBe(0);
    expect(stdout).toContain('so pysync serve starts at your next login; until then: pysync serve');
    const link = home.path('.config/systemd/user/default.target.wants/pysync.service');
    expect(readlinkSync(link)).toBe(home.path(unitFile));
    expect((await install()).exitCode).toBe(0);
    expect((await serve('--uninstall')).exitCode).toBe(0);
    expect(existsSync(home.path(unitFile))).toBe(false);
    expect(lstatSync(link, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('says so where what was started does not answer', async () => {
    systemd.set('idle');
    const { stderr, exitCode } = await install();
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`pysync serve was started, and port ${port} does not answer\n`);
    expect(stderr).toContain('journalctl --user --unit pysync');
  });

  it('leaves a port that is taken, and a unit that is not its own', async () => {
    const server = createServer().listen(Number(port), '::');
    try {
      expect((await install()).stderr).toContain(`port ${port} is taken by another program`);
      expect(existsSync(home.path(unitFile))).toBe(false);
    } finally {
      server.close();
    }
    home.write(unitFile, '[Service]\nExecStart=/usr/bin/sleep 1\n');
    expect((await install()).stderr).toContain(
      `${home.path(unitFile)} was not written by pysync\n`,
    );
    expect((await serve('--uninstall')).stdout).toContain('pysync serve is not installed');
    expect(home.read(unitFile)).toBe('[Service]\nExecStart=/usr/bin/sleep 1\n');
  });

  it.each([
    [['--install', '--uninstall'], '--install and --uninstall do not go together'],
    [['--install', '--code'], '--code does not go together with --install'],
    [['--dry-run'], '--dry-run is for --install and --uninstall'],
  ])('refuses %j', async (args, sentence) => {
    const { stderr, exitCode } = await serve(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(sentence);
  });
});

describe('pysync serve --uninstall', () => {
  it('stops it and removes the unit, and says where there is none', async () => {
    await install('--no-announce');
    const dry = await serve('--uninstall', '--dry-run');
    expect(dry.stdout).toBe(`it would be stopped, and ${home.path(unitFile)} removed\n`);
    expect(await answers()).toBeDefined();
    expect(await serve('--uninstall')).toMatchObject({ exitCode: 0 });
    expect(await answers()).toBeUndefined();
    expect(systemd.isEnabled()).toBe(false);
    expect(existsSync(home.path(unitFile))).toBe(false);
    const again = await serve('--uninstall');
    expect(again).toMatchObject({ exitCode: 0, stderr: '' });
    expect(again.stdout).toBe(
      `pysync serve is not installed: there is no ${home.path(unitFile)}\n`,
    );
  });
});

describe('pysync uninstall', () => {
  it('stops serve, and removes its unit, its host key and its lists', async () => {
    await install('--no-announce');
    home.write('.local/state/pysync/knocks.json', '[]', 0o600);
    const key = home.path('.local/share/pysync/serve_host_ed25519_key');
    const { stdout } = await systemd.machine.pysync('uninstall', '--dry-run');
    for (const line of [
      `pysync serve: stopped, and its unit ${home.path(unitFile)} removed`,
      `the host key of pysync serve, by which senders know it, ${key}: removed`,
      `the list of who has knocked ${home.path('.local/state/pysync/knocks.json')}: removed`,
    ]) {
      expect(stdout).toContain(`  ${line}\n`);
    }
    expect(await answers()).toBeDefined();
    const done = await systemd.machine.pysync('uninstall', '--yes');
    expect(done).toMatchObject({ exitCode: 0, stderr: '' });
    expect(done.stdout).toContain('pysync serve does not start by itself any more\n');
    expect(await answers()).toBeUndefined();
    const left = [unitFile, '.local/share/pysync', '.local/state/pysync'].map((name) =>
      home.path(name),
    );
    expect(left.filter(existsSync)).toEqual([]);
    expect(systemd.isEnabled()).toBe(false);
  });

  it('ends also one that systemd cannot be told about', async () => {
    await install('--no-announce');
    systemd.set('unreached');
    expect(await systemd.machine.pysync('uninstall', '--yes')).toMatchObject({ exitCode: 0 });
    expect(await answers()).toBeUndefined();
    expect(existsSync(home.path(unitFile))).toBe(false);
  });
});
