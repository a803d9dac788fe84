/**
 * Ctrl-C, a polite kill, a closed terminal and kill -9 in the middle of the work: one line says what
 * was done and what is left, and nothing stays that nobody will remove.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { chownSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { exec } from '../../helpers/exec.js';
import { waitFor } from '../../helpers/tmp.js';
import { ctrlC, startOnTerminal } from '../../helpers/terminal.js';
import { mustSucceed, useVolumes } from '../../helpers/volumes.js';

const me = useVolumes();
let temporary: string;

beforeAll(() => {
  temporary = join(me.account.home, 'tmp');
  mkdirSync(temporary);
  chownSync(temporary, me.account.uid, me.account.gid);
});

const environment = () => ({ TMPDIR: temporary });
const volumesFolder = (): string => join(me.account.home, '.local/share/pysync/volumes');

/** The last line that the terminal shows: without colours, and without what was written over. */
const lastLine = (output: string): string =>
  output
    .replaceAll(/\u001b\[\d+m/g, '')
    .trimEnd()
    .split('\n')
    .at(-1)
    ?.split(/\u001b\[[?\d]*[A-Za-z]/)
    .at(-1)
    ?.trim() ?? '';

/** The processes that libguestfs and pysync have started for the account. */
async function running(): Promise<string> {
  const { stdout } = await exec(['ps', '-u', me.account.name, '-o', 'args=']);
  return stdout
    .split('\n')
    .filter((line) => /guestfish|supermin|qemu|pysync\.js/.test(line))
    .join('\n');
}

const pid = async (): Promise<number> => {
  const { stdout } = await exec(['pgrep', '-u', me.account.name, '-f', 'pysync.js --dir']);
  return Number(stdout.trim().split('\n').at(-1));
};

/** Some tens of megabytes are there, of some hundred that it would take. */
async function isBuilding(): Promise<boolean> {
  const { stdout } = await exec(['du', '-sm', temporary]);
  return Number(stdout.split('\t')[0]) > 30;
}

describe('libguestfs is at work', () => {
  test('on a terminal, Ctrl-C gives one line of its own', { timeout: 120_000 }, async () => {
    const share = me.newShare();
    await me.sh('mkdir "$1"; echo a >"$1/a"', share);
    const words = ['--dir', share, '--size', '64M', '--engine', 'libguestfs'];
    const terminal = startOnTerminal(me.account, words, environment());
    await waitFor('the appliance', isBuilding, 60_000);
    await terminal.typeAt(/building/, ctrlC);
    expect(await terminal.end()).toBe(130);
    expect(lastLine(terminal.output())).toBe(
      `pysync: interrupted: ${share} is as it was, and has no size cap`,
    );
    expect(terminal.output()).toMatch(/\r\n$/);
    expect(readdirSync(temporary)).toEqual([]);
    expect(readdirSync(volumesFolder())).toEqual([]);
    expect(await me.sh('cat "$1/a"', share)).toBe('a\n');
    await waitFor('the end of it all', async () => (await running()) === '');
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s leaves nothing behind',
    { timeout: 120_000 },
    async (signal) => {
      const share = me.newShare();
      const words = ['--dir', share, '--size', '64M', '--engine', 'libguestfs'];
      const making = me.account.pysync(words, { env: environment(), timeoutMs: 100_000 });
      await waitFor('the appliance', isBuilding, 60_000);
      process.kill(await pid(), signal);
      const { stdout, stderr, exitCode } = await making;
      expect({ stdout, stderr, exitCode }).toEqual({
        stdout: '',
        stderr: `pysync: interrupted: ${share} is as it was, and has no size cap\n`,
        exitCode: 130,
      });
      expect(readdirSync(temporary)).toEqual([]);
      expect(readdirSync(volumesFolder())).toEqual([]);
      await waitFor('the end of it all', async () => (await running()) === '');
    },
  );

  test(
    'what undoes nothing ends at once, and its folder goes with it',
    { timeout: 120_000 },
    async () => {
      const words = ['doctor', 'libguestfs', '--deep'];
      const testing = me.account.pysync(words, { env: environment(), timeoutMs: 100_000 });
      await waitFor('the appliance', isBuilding, 60_000);
      const { stdout } = await exec(['pgrep', '-u', me.account.name, '-f', 'pysync.js doctor']);
      process.kill(Number(stdout.trim().split('\n').at(-1)), 'SIGINT');
      const { stderr, exitCode } = await testing;
      expect(exitCode).toBe(130);
      expect(stderr).toMatch(/^pysync: interrupted: [^\n]+\n$/);
      expect(readdirSync(temporary)).toEqual([]);
    },
  );

  test('kill -9 leaves what the next pysync removes', { timeout: 120_000 }, async () => {
    const share = me.newShare();
    await me.sh('mkdir "$1"; echo a >"$1/a"', share);
    const words = ['--dir', share, '--size', '64M', '--engine', 'libguestfs'];
    const making = me.account.pysync(words, { env: environment(), timeoutMs: 100_000 });
    await waitFor('the appliance', isBuilding, 60_000);
    process.kill(await pid(), 'SIGKILL');
    await making;
    expect(readdirSync(temporary)).toHaveLength(1);
    await waitFor('its end', async () => !(await running()).includes('guestfish'), 10_000);
    const status = await me.account.pysync(['status'], { env: environment() });
    expect(status).toMatchObject({ stderr: '', exitCode: 0 });
    expect(readdirSync(temporary)).toEqual([]);
    expect(readdirSync(volumesFolder())).toEqual([]);
    expect(await me.sh('cat "$1/a"', share)).toBe('a\n');
  });
});

test('kill -9 in the middle of an import leaves what the next pysync removes', async () => {
  const data = join(me.account.home, '.local/share/pysync');
  const left = (): string[] => readdirSync(data).filter((name) => /probe|^pysync-/.test(name));
  await me.sh('ssh-keygen -q -t ed25519 -N "" -f ~/key');
  const importing = me.account.pysync(['-i', 'key.pub', '--dir', me.newShare()]);
  await waitFor('the trial of the sandbox', () => left().length > 0);
  const { stdout } = await exec(['pgrep', '-u', me.account.name, '-f', 'pysync.js -i']);
  process.kill(Number(stdout.trim().split('\n').at(-1)), 'SIGKILL');
  await importing;
  expect(left()).toHaveLength(1);
  await me.account.pysync(['status']);
  expect(left()).toEqual([]);
});

describe('a question is asked', () => {
  test('Ctrl-C says what was done, and what is left', async () => {
    const share = me.newShare();
    await me.sh('mkdir "$1"; echo a >"$1/a"', share);
    const size = ['--dir', share, '--size'];
    const capping = startOnTerminal(me.account, [...size, '32M', '--engine', 'e2fsprogs']);
    await capping.typeAt(/Remove the originals in .*\[y\/N\] /, ctrlC);
    expect(await capping.end()).toBe(130);
    expect(lastLine(capping.output())).toBe(
      `pysync: interrupted: ${share} is capped, and the originals of its files may still be in ${share}.before-volume`,
    );
    expect(readdirSync(`${share}.before-volume`)).toEqual(['a']);
    rmSync(`${share}.before-volume`, { recursive: true });

    const uncapping = startOnTerminal(me.account, [...size, 'none']);
    await uncapping.typeAt(/Remove its image .*\[y\/N\] /, ctrlC);
    expect(await uncapping.end()).toBe(130);
    expect(lastLine(uncapping.output())).toMatch(
      /^pysync: interrupted: \S+ has no size cap any more; its disk image may still be \S+\.img$/,
    );
    expect(await me.sh('cat "$1/a"', share)).toBe('a\n');

    const uninstalling = startOnTerminal(me.account, ['uninstall']);
    await uninstalling.typeAt(/Do this\? \[y\/N\] /, ctrlC);
    expect(await uninstalling.end()).toBe(130);
    expect(lastLine(uninstalling.output())).toMatch(/^pysync: interrupted: [^\n]+$/);
    for (const name of readdirSync(volumesFolder())) rmSync(join(volumesFolder(), name));
  });
});

test('an import that waits says that nothing was changed', async () => {
  const terminal = startOnTerminal(me.account, ['-i', '-']);
  await terminal.typeAt(/paste the keys/, ctrlC);
  expect(await terminal.end()).toBe(130);
  expect(lastLine(terminal.output())).toBe('pysync: interrupted: nothing was changed');
});

test('while files move out, Ctrl-C leaves the share with its cap', async () => {
  const share = me.newShare();
  await me.cap(share, '200M');
  await me.sh('for i in $(seq 8); do head -c 20M /dev/urandom >"$1/$i"; done', share);
  const before = await me.sums(share);
  const terminal = startOnTerminal(me.account, ['--dir', share, '--size', 'none']);
  await terminal.typeAt(/copying|comparing/, ctrlC);
  expect(await terminal.end()).toBe(130);
  expect(lastLine(terminal.output())).toBe(
    `pysync: interrupted: ${share} keeps its cap of 200MB, and all that is in it`,
  );
  expect(await me.sums(share)).toEqual(before);
  expect(readdirSync(me.account.home)).not.toContain(`${basename(share)}.without-cap`);
});

test('folders of others, or of a pysync that runs, are not swept away', async () => {
  const { stdout } = await me.account.run(['readlink', '/proc/self/ns/pid']);
  const space = stdout.replaceAll(/\D/g, '');
  const dead = `pysync-${space}-4194300.17-abcdef`;
  const [, start = ''] =
    /^\S+ \(.*\) (?:\S+ ){19}(\S+)/.exec(
      (await exec(['cat', `/proc/${process.pid}/stat`])).stdout,
    ) ?? [];
  const alive = `pysync-${space}-${process.pid}.${start}-abcdef`;
  const elsewhere = `pysync-1-4194300.17-abcdef`;
  for (const name of [dead, alive, elsewhere, 'pysync-notes']) {
    await me.sh('mkdir "$1"; echo text >"$1/file"', join(temporary, name));
  }
  // Root's; the account could not remove it, and must not try to do so through a link.
  mkdirSync(join(temporary, dead.replace('abcdef', 'foreig')));
  await me.sh(
    'ln -s "$2" "$1"',
    join(temporary, dead.replace('abcdef', 'linked')),
    me.account.home,
  );
  writeFileSync(join(me.account.home, 'kept'), 'kept\n');
  mustSucceed(await me.account.pysync(['status'], { env: environment() }));
  expect(readdirSync(temporary).sort()).toEqual(
    [
      alive,
      elsewhere,
      'pysync-notes',
      ...['foreig', 'linked'].map((end) => dead.replace('abcdef', end)),
    ].sort(),
  );
  expect(readdirSync(me.account.home)).toContain('kept');
});
