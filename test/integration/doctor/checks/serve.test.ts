/** Where pysync serve was ever used: its host key, its unit, and whether it answers. */
import { chmodSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readFindings } from '../../../helpers/findings.js';
import type { Diagnosis } from '../../../helpers/findings.js';
import { useHome } from '../../../helpers/home.js';
import { endUser } from '../../../helpers/run-folder.js';
import { findFreePort } from '../../../helpers/sshd.js';
import { unitFile, useUserSystemd } from '../../../helpers/user-systemd.js';
import type { UserSystemd } from '../../../helpers/user-systemd.js';

const home = useHome();
let systemd: UserSystemd;
let port: string;

const key = '.local/share/pysync/serve_host_ed25519_key';
const well = () =>
  `ok: answers on port ${port}, and starts at login; it ends with your last logout (else: loginctl enable-linger)`;

beforeEach(async () => {
  systemd = useUserSystemd(home);
  port = String(await findFreePort('::'));
});
afterEach(() => systemd.end());

async function doctor(...args: readonly string[]): Promise<Diagnosis> {
  return readFindings(await systemd.machine.pysync('doctor', 'serve', '--json', ...args));
}

async function install(): Promise<void> {
  const words = ['serve', '--install', '--no-announce', '--port', port];
  expect(await systemd.machine.pysync(...words)).toMatchObject({ exitCode: 0 });
}

it('says nothing where serve was never used, and little where it has no unit', async () => {
  expect((await doctor()).findings).toEqual([]);
  await install();
  await systemd.machine.pysync('serve', '--uninstall');
  expect((await doctor()).of('serve')).toEqual([
    'ok: does not run now, and does not start by itself',
  ]);
});

it('is well after an install, and finds a host key that others can read', async () => {
  await install();
  expect((await doctor()).of('serve')).toEqual([well()]);
  systemd.set('linger');
  expect((await doctor()).of('serve')).toEqual([`ok: answers on port ${port}, and starts at boot`]);
  chmodSync(home.path(key), 0o644);
  const found = await doctor();
  expect(found.of('serve')).toEqual([
    `problem: the host key ${home.path(key)} can be read by others, so pysync serve does not start`,
  ]);
  expect(found.findings[0]?.hints[0]).toContain(`chmod 600 ${home.path(key)}`);
});

it('finds a unit that starts what is gone, or another pysync, and writes it again as it was', async () => {
  await install();
  const text = home.read(unitFile);
  const broken: readonly (readonly [RegExp, string, string])[] = [
    [
      /^ExecStart=\S+/m,
      'ExecStart=/opt/gone/node',
      'problem: /opt/gone/node is not there any more, so pysync serve cannot start',
    ],
    [
      /\S+bin\/pysync\.js/,
      '/opt/gone/bin/pysync.js',
      'problem: /opt/gone/bin/pysync.js is not there any more, so pysync serve cannot start',
    ],
    [
      /\S+bin\/pysync\.js/,
      '/usr/bin/true',
      'warning: its unit starts another pysync or Node than this one: ',
    ],
  ];
  for (const [what, instead, expected] of broken) {
    home.write(unitFile, text.replace(what, instead));
    const found = await doctor();
    expect(found.of('serve')[0]).toContain(expected);
    expect(found.findings[0]?.hints).toContain(
      `pysync serve --install --port ${port} --no-announce`,
    );
    const fixed = await doctor('--fix');
    expect(fixed.done).toEqual([`fixed: wrote ${home.path(unitFile)} again; started it`]);
    expect(fixed.of('serve')).toEqual([well()]);
    expect(home.read(unitFile)).toBe(text);
  }
  home.write(unitFile, text.replace(/^ExecStart=.*/m, ''));
  expect((await doctor()).of('serve')).toEqual([
    `problem: ${home.path(unitFile)} is not as pysync writes it`,
  ]);
});

it('finds that it is stopped, has failed, does not answer, or does not start by itself', async () => {
  await install();
  systemd.set('enabled', false);
  expect((await doctor()).of('serve')).toEqual(['warning: does not start by itself at login']);
  expect((await doctor('--fix')).of('serve')).toEqual([well()]);

  await endUser(home.account.uid);
  expect((await doctor()).of('serve')).toEqual(['warning: is stopped']);
  systemd.set('failed');
  expect((await doctor()).of('serve')).toEqual([
    'problem: has ended with an error, and is not started again',
  ]);
  expect((await doctor('--fix')).of('serve')).toEqual([well()]);

  const other = home.read(unitFile).replace(`--port ${port}`, '--port 9');
  home.write(unitFile, other);
  expect((await doctor()).of('serve')).toEqual(['problem: runs, and does not answer on port 9']);
});

it('says what cannot be seen where systemd is not reached', async () => {
  await install();
  systemd.set('unreached');
  expect((await doctor()).of('serve')).toEqual([
    'warning: there is a unit for it, but no systemd here that could start it',
  ]);
  rmSync(home.path(unitFile));
  expect((await doctor()).of('serve')).toEqual([
    `ok: runs on port ${port} until it is ended, and does not start by itself`,
  ]);
});
