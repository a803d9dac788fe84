/**
 * Our lines before their two real readers: sshd, and the login shell that gets the command. The
 * launcher is one that prints its words.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPolicy } from '../../../src/gate/policy.js';
import type { KeyLine } from '../../../src/keys/authorized-keys.js';
import { editAuthorizedKeys, installKeys } from '../../../src/keys/install.js';
import { lookForTool } from '../../../src/system/tools.js';
import { createAccount, type Account } from '../../helpers/account.js';
import type { ExecResult } from '../../helpers/exec.js';
import { keyLine } from '../../helpers/key-lines.js';
import { createPeer, type Peer } from '../../helpers/peer.js';
import { needsRoot } from '../../helpers/root.js';
import { startSshd, type Sshd } from '../../helpers/sshd.js';

const shells = ['bash', 'dash', 'zsh', 'fish', 'tcsh'].flatMap((name) => lookForTool(name) ?? []);

describe.each(shells)('a line of ours, with the login shell %s', (shell) => {
  let account: Account;
  let sshd: Sshd;
  let peer: Peer;
  let launcher: string;

  beforeAll(async () => {
    if (!shell.endsWith('/bash')) needsRoot('an account with another login shell');
    account = await createAccount({ shell });
    sshd = await startSshd({ account });
    peer = await createPeer({ sshd, account });
    launcher = join(account.home, `o'brien & "x" $HOME/pysync/launcher`);
    mkdirSync(join(launcher, '..'), { recursive: true });
    writeFileSync(launcher, `#!/bin/sh\nprintf '%s\\n' "$@"\n`);
    chmodSync(launcher, 0o755);
  });

  afterAll(async () => {
    peer.remove();
    await sshd.stop();
    await account.remove();
  });

  async function logIn(change: Partial<KeyLine>, share = '/srv/a'): Promise<ExecResult> {
    const [, blob = ''] = peer.publicKey.split(' ');
    const line = keyLine({ launcher, ...change, blob });
    await installKeys(account.home, [{ ...line, policy: { ...line.policy, share } }]);
    return peer.ssh(['sh', '-c', 'id']);
  }

  it.each([
    '/srv/a b',
    `/srv/'"' "$(id)" \`id\` $HOME \${x}; id | id & # *?[a] {a,b} ~ <(x) >y`,
    `/srv/'`,
    '/srv/"',
    '/srv/"\'"\'"',
    '/srv/größe 🦀',
    '/srv/%self ^a =ls -x',
  ])('reaches the launcher word for word with the share %s', async (share) => {
    const { stdout, stderr } = await logIn({}, share);
    expect(stderr).toBe('');
    const [, blob = ''] = peer.publicKey.split(' ');
    const { policy } = keyLine({ blob });
    expect(stdout).toBe(`${formatPolicy({ ...policy, share }).join('\n')}\n`);
  });

  it('lets a peer in from the addresses that are named, and from no other', async () => {
    expect(await logIn({ from: ['127.0.0.0/8', '!127.0.0.2'] })).toMatchObject({ exitCode: 0 });
    expect(await logIn({ from: ['192.168.77.0/24'] })).toMatchObject({ exitCode: 255 });
  });

  it('lets a peer in until the time of expiry, and not after', async () => {
    const minute = 60_000;
    expect(await logIn({ expires: new Date(Date.now() + 2 * minute) })).toMatchObject({
      exitCode: 0,
    });
    expect(await logIn({ expires: new Date(Date.now() - minute) })).toMatchObject({
      exitCode: 255,
    });
  });

  it('holds in a file with CRLF, and where the last line of others has no newline', async () => {
    await editAuthorizedKeys(account.home, () => Buffer.from('# mine\r\n# last'));
    expect(await logIn({ comment: '' })).toMatchObject({ exitCode: 0, stderr: '' });
  });
});
