/** The account itself, and who else could write on the way to its keys. */
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFindings } from '../../../helpers/findings.js';
import type { Diagnosis } from '../../../helpers/findings.js';
import { useHome } from '../../../helpers/home.js';
import { ed25519Line } from '../../../helpers/key-blob.js';
import { machineOf } from '../../../helpers/machine.js';
import { changeAccounts } from '../../../helpers/root.js';
import { createTemporaryFolder } from '../../../helpers/tmp.js';

const home = useHome();
const well = 'ok: it may log in, and nobody else can write on the way to its keys';
let config = '';

/** A config that the account can read, and with PAM, as most systems have it. */
function configure(line: string): void {
  config = join(createTemporaryFolder(home.account).path, 'sshd_config');
  writeFileSync(config, `Port 9\n${line}\n`);
}

async function doctor(...args: readonly string[]): Promise<Diagnosis> {
  const env = { PYSYNC_SSHD_CONFIG: config };
  return readFindings(await home.pysync(['doctor', 'account', '--json', ...args], { env }));
}

beforeEach(async () => {
  configure('UsePAM yes');
  await home.pysync(['-i', ed25519Line()]);
});
afterEach(async () => {
  chmodSync(home.account.home, 0o755);
  await changeAccounts(['usermod', '--expiredate', '', '--password', '*', home.account.name]);
});

describe('modes and owners', () => {
  it('are well after an import', async () => {
    expect((await doctor()).of('account')).toEqual([well]);
  });

  it('are found where StrictModes of sshd finds them, and fixed', async () => {
    const places = ['', '.ssh', '.ssh/authorized_keys'].map((name) => join(home.path(name)));
    for (const path of places) chmodSync(path, 0o777);
    const problems = places.map(
      (path) =>
        `problem: ${path.replace(/\/$/, '')} can be written by others, so sshd takes no key`,
    );
    expect((await doctor()).of('account')).toEqual(problems);
    const fixed = await doctor('--fix');
    expect(fixed.done).toHaveLength(3);
    expect(fixed.of('account')).toEqual([well]);
    expect(home.mode('.ssh/authorized_keys')).toBe('755');
  });

  it('are a warning where only the group of this user alone may write', async () => {
    chmodSync(home.path('.ssh'), 0o775);
    expect((await doctor()).of('account')).toEqual([
      `warning: ${home.path('.ssh')} can be written by others, so sshd takes no key (Debian's does, as you are alone in that group)`,
    ]);
    chownSync(home.path('.ssh'), home.account.uid, 100);
    const [line = ''] = (await doctor()).of('account');
    expect(line).toBe(
      `problem: ${home.path('.ssh')} can be written by others, so sshd takes no key`,
    );
  });

  it('are found where the owner is another, which only root can fix', async () => {
    const path = home.path('.ssh/authorized_keys');
    chownSync(path, 65534, 65534);
    chmodSync(path, 0o644);
    const found = await doctor('--fix');
    expect(found.of('account')).toEqual([
      `problem: ${path} belongs to nobody, so sshd takes no key`,
    ]);
    expect(found.findings[0]?.hints).toEqual([`sudo chown ${home.account.name} ${path}`]);
    expect(found.done).toEqual([]);
  });

  it('are found above the home, and where a link leads', async () => {
    const elsewhere = createTemporaryFolder(home.account).path;
    chmodSync(elsewhere, 0o707);
    await home.account.run(['sh', '-c', 'mv .ssh "$1/ssh" && ln -s "$1/ssh" .ssh', '', elsewhere]);
    // sshd itself goes from the file up to / there, and meets /tmp.
    expect((await doctor()).of('account')).toEqual([
      'problem: /tmp can be written by others, so sshd takes no key',
      `problem: ${elsewhere} can be written by others, so sshd takes no key`,
    ]);
    configure('StrictModes no');
    expect((await doctor()).of('account').at(-1)).toBe(
      `problem: ${elsewhere} can be written by everybody, who could let anybody in`,
    );
  });

  it('are found where the file cannot be read', async () => {
    chmodSync(home.path('.ssh/authorized_keys'), 0);
    expect((await doctor()).of('account')).toEqual([
      `problem: ${home.path('.ssh/authorized_keys')} cannot be read, so sshd finds no key in it`,
    ]);
  });
});

describe('an account', () => {
  it('that expired is found', async () => {
    await changeAccounts(['chage', '--expiredate', '2001-02-03', home.account.name]);
    expect((await doctor()).of('account')).toEqual(['problem: it expired on Feb 03, 2001']);
  });

  it('that is locked is found where sshd minds, which is without PAM', async () => {
    await changeAccounts(['usermod', '--password', '!', home.account.name]);
    expect((await doctor()).of('account')).toEqual([well]);
    configure('UsePAM no');
    // Locked or only without a password: the account itself is not told which.
    expect((await doctor()).of('account')).toEqual([
      'warning: it has no password: if that is because it is locked, sshd takes no key',
    ]);
    // 'secret' with a salt: one that has a password is not locked.
    const hash = '$6$salt$' + 'x'.repeat(86);
    await changeAccounts(['usermod', '--password', hash, home.account.name]);
    expect((await doctor()).of('account')).toEqual([well]);
  });

  it('that may not log in now is found', async () => {
    const prepare = ['mount -t tmpfs none /run', 'touch /run/nologin'];
    const machine = machineOf(home, { prepare, env: { PYSYNC_SSHD_CONFIG: config } });
    const found = readFindings(await machine.pysync('doctor', 'account', '--json'));
    expect(found.of('account')).toEqual(['problem: nobody may log in now: /run/nologin is there']);
  });
});
