/** The ssh server's configuration, as sshd itself tells it and as its files read. */
import { expect, it } from 'vitest';
import { readFindings } from '../../../helpers/findings.js';
import { useHome } from '../../../helpers/home.js';
import { ed25519Line } from '../../../helpers/key-blob.js';

const home = useHome();

/** What the check says of a config with these lines; `mode` 0 makes sshd fail to read the whole. */
async function check(lines: readonly string[], unreadable = false): Promise<string[]> {
  const config = home.write('sshd_config', `Port 9\n${lines.join('\n')}\n`);
  if (unreadable) {
    home.write('more_config', '', 0);
    home.write('sshd_config', `Port 9\nInclude ${home.path('more_config')}\n${lines.join('\n')}\n`);
  }
  const env = { PYSYNC_SSHD_CONFIG: config };
  return readFindings(await home.pysync(['doctor', 'ssh-settings', '--json'], { env })).of(
    'ssh settings',
  );
}

it('finds nothing in the way in a plain configuration, and says where it looked', async () => {
  expect(await check([])).toEqual([
    'ok: nothing is in the way of keys, by sshd -T for clients on this network',
  ]);
  expect(await check([], true)).toEqual(['ok: nothing is in the way of keys, by its config files']);
});

it.each([false, true])('finds all that is in the way (files alone: %s)', async (unreadable) => {
  const { name } = home.account;
  const found = await check(
    [
      'AuthorizedKeysFile /etc/ssh/keys/%u',
      'PubkeyAuthentication no',
      `DenyUsers nobody ${name.slice(0, 7)}*`,
      'AllowGroups ssh-users',
      'ForceCommand internal-sftp',
      'ChrootDirectory /srv',
      'AcceptEnv LANG LC_*',
      'AcceptEnv *',
    ],
    unreadable,
  );
  const ours = home.path('.ssh/authorized_keys');
  expect(found).toEqual([
    `problem: sshd looks for keys in /etc/ssh/keys/%u, and not in ${ours}`,
    'problem: sshd takes no public keys (PubkeyAuthentication no)',
    `problem: sshd keeps this user out (DenyUsers ${name.slice(0, 7)}*)`,
    'problem: sshd does not let this group in (AllowGroups ssh-users)',
    'problem: sshd runs another command for every key (ForceCommand internal-sftp)',
    'problem: sshd shuts this user in a folder without our launcher (ChrootDirectory /srv)',
    'problem: peers may set LD_PRELOAD, LD_LIBRARY_PATH, LD_AUDIT and more for your login shell, and so run what they sent (AcceptEnv *)',
  ]);
});

it('takes what lets this user in for what it is', async () => {
  const { name } = home.account;
  expect(
    await check([
      'AuthorizedKeysFile /etc/ssh/keys/%u %h/.ssh/authorized_keys',
      `AllowUsers root ${name}`,
      'DenyUsers nobody',
      'AuthenticationMethods password publickey',
      'AcceptEnv LANG LC_* COLORTERM',
    ]),
  ).toEqual(['ok: nothing is in the way of keys, by sshd -T for clients on this network']);
});

it('asks sshd about Match blocks, and without it shows those that may apply', async () => {
  const { name } = home.account;
  const lines = [
    ...['Match User nobody', 'ForceCommand internal-sftp'],
    ...[`Match User ${name}`, 'AuthenticationMethods publickey,password'],
  ];
  expect(await check(lines)).toEqual([
    'problem: sshd asks for more than a key (AuthenticationMethods publickey,password)',
  ]);
  expect(await check(lines, true)).toEqual([
    'warning: may apply to peers: forcecommand internal-sftp (Match User nobody)',
    `warning: may apply to peers: authenticationmethods publickey,password (Match User ${name})`,
  ]);
});

it('says where an address decides, and which types of keys are not taken', async () => {
  const { name } = home.account;
  await home.pysync(['-i', ed25519Line()]);
  expect(
    await check([`AllowUsers ${name}@10.0.0.0/8`, 'PubkeyAcceptedAlgorithms rsa-sha2-512']),
  ).toEqual([
    `warning: whether sshd lets a peer in depends on the peer's address (AllowUsers ${name}@10.0.0.0/8)`,
    'problem: sshd takes no key of the type ssh-ed25519, as an imported one is',
  ]);
});
