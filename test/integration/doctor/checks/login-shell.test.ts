/** What the login shell does before it comes to the launcher. */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../../helpers/account.js';
import type { Account } from '../../../helpers/account.js';
import { readFindings } from '../../../helpers/findings.js';
import { useHome } from '../../../helpers/home.js';

const home = useHome();

async function check(bashrc: string): Promise<string[]> {
  home.write('.bashrc', bashrc);
  return readFindings(await home.pysync(['doctor', 'login-shell', '--json'])).of('login shell');
}

it('is well where it prints nothing, or only in a terminal', async () => {
  const well = ['ok: /bin/bash prints nothing of its own'];
  expect(await check('')).toEqual(well);
  expect(await check('[[ $- != *i* ]] && return\necho Welcome')).toEqual(well);
  rmSync(home.path('.bashrc'));
});

it('is found to print, and what it prints does no harm to the terminal', async () => {
  expect(await check('printf "Welcome\\033[2J back\\n"')).toEqual([
    "problem: it prints this, which breaks rsync: 'Welcome\u001b[2J back\n'",
  ]);
  const { stdout, exitCode } = await home.pysync(['doctor', 'login-shell']);
  expect(stdout).toContain(
    "problem  login shell  it prints this, which breaks rsync: 'Welcome\\u001b[2J back\\n'",
  );
  expect(stdout).toContain('[[ $- != *i* ]] && return\n');
  expect(exitCode).toBe(1);
  expect(await check('echo warning: no tty >&2')).toEqual([
    "warning: it prints this as an error, which each peer sees: 'warning: no tty\n'",
  ]);
});

it('is found to read what is for rsync, to end, and not to end', async () => {
  expect(await check('read -r line')).toEqual(['problem: it reads what is meant for rsync']);
  expect(await check('exit 3')).toEqual([
    'problem: /bin/bash does not run the command: it ends with status 3',
  ]);
  expect(await check('sleep 60')).toEqual([
    'problem: /bin/bash does not come to the command within 5 s',
  ]);
});

describe('a shell that is for nobody', () => {
  let account: Account;
  beforeAll(async () => {
    account = await createAccount({ shell: '/usr/sbin/nologin' });
  });
  afterAll(() => account.remove());

  it('is found', async () => {
    const found = readFindings(await account.pysync(['doctor', 'login-shell', '--json']));
    expect(found.of('login shell')).toEqual([
      "problem: /usr/sbin/nologin does not run the command: it says 'This account is currently not available.'",
    ]);
    expect(found.findings[0]?.hints).toEqual([`sudo chsh --shell /bin/sh ${account.name}`]);
  });
});
