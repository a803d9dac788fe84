/** `pysync serve` with the ssh clients that people have, as the remote shell of a real rsync. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { exec, mustExec } from '../../helpers/exec.js';
import type { ExecResult } from '../../helpers/exec.js';
import { putFiles } from '../../helpers/receiver.js';
import { startServe } from '../../helpers/serve.js';
import type { Serve } from '../../helpers/serve.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../../fixtures');

let me: Account;
let serve: Serve;

beforeAll(async () => {
  me = await createAccount();
  serve = await startServe({ account: me });
});

afterAll(async () => {
  await serve.stop();
  await me.remove();
});

/** Where a client keeps its things, and what it knows of the server. */
interface Place {
  readonly folder: string;
  /** Path of a private key, which is OpenSSH's unless `makeKey` makes another. */
  readonly key: string;
  readonly port: string;
  /** The fingerprint of the server's, `SHA256:…`. */
  readonly hostKey: string;
}

interface Client {
  readonly name: string;
  /** The command that makes a private key of the client's own format of OpenSSH's. */
  readonly convert?: (place: Place) => string[];
  /** What follows rsync's -e. */
  readonly shell: (place: Place) => string[];
}

const openssh = (...options: readonly string[]): Client['shell'] => {
  return ({ folder, key, port }) => [
    ...['ssh', '-F', 'none', '-p', port, '-i', key, '-o', 'IdentitiesOnly=yes'],
    ...['-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=accept-new'],
    ...['-o', `UserKnownHostsFile=${folder}/known_hosts`, '-o', 'LogLevel=ERROR', ...options],
  ];
};

const clients: readonly Client[] = [
  { name: 'OpenSSH', shell: openssh() },
  { name: 'OpenSSH with compression', shell: openssh('-C') },
  {
    name: 'dbclient of dropbear',
    convert: ({ key }) => ['dropbearconvert', 'openssh', 'dropbear', key, `${key}.own`],
    shell: ({ key, port }) => ['dbclient', '-p', port, '-i', `${key}.own`],
  },
  {
    name: 'plink of PuTTY',
    convert: ({ key }) => ['puttygen', key, '-O', 'private', '-o', `${key}.own`],
    shell: ({ key, port, hostKey }) => [
      ...['plink', '-ssh', '-batch', '-P', port, '-i', `${key}.own`, '-hostkey', hostKey],
    ],
  },
  {
    name: 'paramiko',
    shell: ({ key, port }) => ['python3', join(fixtures, 'paramiko-shell.py'), port, key],
  },
  {
    name: 'libssh',
    shell: ({ key, port }) => ['python3', join(fixtures, 'libssh-shell.py'), port, key],
  },
];

const keyTypes = ['ed25519', 'rsa'] as const;

describe.each(clients)('$name', ({ convert, shell }) => {
  const rsync = async (place: Place, words: readonly string[]): Promise<ExecResult> => {
    const { folder } = place;
    const command = ['rsync', '-a', '-e', shell(place).join(' '), ...words];
    const result = await exec(command, { cwd: folder, env: { HOME: folder } });
    // dbclient prints empty lines.
    return { ...result, stderr: result.stderr.trimStart() };
  };

  it.each(keyTypes)('sends and fetches, byte for byte, with a key of type %s', async (type) => {
    const { path: folder } = createTemporaryFolder();
    const key = join(folder, 'id');
    await mustExec(['ssh-keygen', '-q', '-t', type, '-m', 'PEM', '-N', '', '-f', key]);
    const hostKeyFile = join(me.home, '.local/share/pysync/serve_host_ed25519_key.pub');
    const [, hostKey = ''] = (await mustExec(['ssh-keygen', '-lf', hostKeyFile])).stdout.split(' ');
    const place = { folder, key, port: String(serve.port), hostKey };
    if (convert !== undefined) await mustExec(convert(place), { env: { HOME: folder } });
    const imported = await me.pysync(['-i', readFileSync(`${key}.pub`, 'utf8'), '--name', 'bob']);
    expect(imported).toMatchObject({ exitCode: 0 });

    putFiles(folder, {
      // dbclient wants no comment behind the key.
      '.ssh/known_hosts': `127.0.0.1 ${readFileSync(hostKeyFile, 'utf8').replace(/ pysync.*/, '')}`,
      'sent/big.iso': randomBytes(6 << 20),
      'sent/ein Ordner/für dich.txt': 'Grüße\n',
      'sent/empty': '',
    });
    const target = `anna@127.0.0.1:${type}`;
    expect(await rsync(place, ['sent/', target])).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    expect(await rsync(place, [`${target}/`, 'got/'])).toMatchObject({ stderr: '', exitCode: 0 });
    await mustExec(['diff', '-r', join(folder, 'sent'), join(me.home, 'public', type)]);
    await mustExec(['diff', '-r', join(folder, 'sent'), join(folder, 'got')]);

    // What is refused reaches the sender as well, in front of rsync's own words.
    const refused = await rsync(place, ['-M--daemon', 'sent/', target]);
    expect(refused.stderr).toMatch(/^pysync: /);
    expect(refused.exitCode).not.toBe(0);
  });
});
