/** What keeps `pysync serve` from starting: each time one clear sentence, and a way out. */
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { exec, mustExec, wrap } from '../../helpers/exec.js';
import { freePort, openServeProcess, startServeProcess } from '../../helpers/serve-process.js';
import { startSshd } from '../../helpers/sshd.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';

let account: Account;
beforeAll(async () => {
  account = await createAccount();
});
afterAll(() => account.remove());

/** What a serve that does not start says; its status is 1. */
async function refusal(port?: number): Promise<string> {
  const serve = await openServeProcess({ account, ...(port === undefined ? {} : { port }) });
  const status = await serve.ended;
  await serve.stop();
  expect(status).toBe(1);
  return serve.said();
}

describe('the port', () => {
  const other = '  choose another: pysync serve --port 2222\n';

  it('may be taken by an ssh server of the system', async () => {
    const sshd = await startSshd({ account });
    const said = await refusal(sshd.port);
    await sshd.stop();
    expect(said).toMatch(/^pysync: port \d+ is taken by an ssh server \(OpenSSH_.+\)\n/);
    expect(said.endsWith(other)).toBe(true);
  });

  it('may be taken by another pysync serve', async () => {
    const owner = await createAccount();
    const serve = await startServeProcess({ account: owner });
    const said = await refusal(serve.port);
    await serve.stop();
    await owner.remove();
    expect(said).toBe(`pysync: port ${serve.port} is taken by another pysync serve\n${other}`);
  });

  it('may be taken by something else, which need not answer', async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '::', resolve));
    const said = await refusal(port);
    server.close();
    expect(said).toBe(`pysync: port ${port} is taken by another program\n${other}`);
  });

  it('may be one that only root may have', async () => {
    expect(await refusal(80)).toBe(`pysync: port 80 is not for ordinary users\n${other}`);
  });
});

describe('the host key', () => {
  const path = (): string => join(account.home, '.local/share/pysync/serve_host_ed25519_key');
  const keygen = (...words: readonly string[]): Promise<unknown> =>
    mustExec(['ssh-keygen', '-q', ...words], { as: account, cwd: account.home });
  const makeNew = (verb: string): string =>
    `to make a new one, which senders will be asked about: ${verb} PATH`;

  beforeEach(async () => {
    rmSync(path(), { recursive: true, force: true });
    rmSync(`${path()}.pub`, { force: true });
    await (await startServeProcess({ account })).stop();
  });

  interface Fault {
    readonly what: string;
    readonly make: () => unknown;
    readonly sentence: string;
    /** The last one is what the test does then. */
    readonly hints: readonly string[];
  }

  const faults: readonly Fault[] = [
    {
      what: 'that its owner may not read',
      make: () => {
        chmodSync(path(), 0);
      },
      sentence: 'cannot be read',
      hints: ['to change that: chmod 600 PATH'],
    },
    {
      what: 'that others can read',
      make: () => {
        chmodSync(path(), 0o644);
      },
      sentence: 'can be read by others',
      hints: ['if only you have read it: chmod 600 PATH', makeNew('rm')],
    },
    {
      what: 'that is a folder',
      make: () => {
        rmSync(path());
        mkdirSync(path());
      },
      sentence: 'is not a file',
      hints: [`${makeNew('mv')} PATH.old`],
    },
    {
      what: 'that is somebody else’s',
      make: () => {
        chownSync(path(), 0, 0);
      },
      sentence: 'belongs to somebody else',
      hints: [makeNew('rm')],
    },
    {
      what: 'that is not a key',
      make: () => {
        writeFileSync(path(), 'not a key');
      },
      sentence: 'is damaged, or has a passphrase',
      hints: [makeNew('rm')],
    },
    {
      what: 'that has a passphrase',
      make: () => keygen('-p', '-P', '', '-N', 'secret', '-f', path()),
      sentence: 'is damaged, or has a passphrase',
      hints: [makeNew('rm')],
    },
    {
      what: 'that has lost its public half',
      make: () => {
        rmSync(`${path()}.pub`);
      },
      sentence: 'has no readable .pub beside it',
      hints: ['to make it: ssh-keygen -y -f PATH >PATH.pub'],
    },
    {
      what: 'that has the public half of another key',
      make: async () => {
        const key = join(createTemporaryFolder(account).path, 'key');
        await keygen('-t', 'ed25519', '-N', '', '-f', key);
        await mustExec(['cp', `${key}.pub`, `${path()}.pub`]);
      },
      sentence: 'has the .pub of another key beside it',
      hints: ['to make it: ssh-keygen -y -f PATH >PATH.pub'],
    },
  ];
  const cases = faults.map((fault) => [fault.what, fault] as const);

  it.each(cases)('%s is not used', async (_what, { make, sentence, hints }) => {
    await make();
    const lines = [`pysync: the host key PATH ${sentence}`, ...hints.map((hint) => `  ${hint}`)];
    expect(await refusal()).toBe(`${lines.join('\n')}\n`.replaceAll('PATH', path()));
    const command = (hints.at(-1) ?? '').replace(/^.*: /, '').replaceAll('PATH', path());
    await account.run(['sh', '-c', command]);
    await (await startServeProcess({ account })).stop();
  });
});

describe('bubblewrap', () => {
  /** Starts serve where the system's bwrap is another file. */
  async function withBwrap(file: string): Promise<string> {
    const program = [inject('node'), join(inject('program'), 'bin/pysync.js')];
    const serve = [...program, 'serve', '--no-announce', '--port', String(await freePort())];
    const script = 'mount --bind "$1" /usr/bin/bwrap; shift; exec "$@"';
    const mounted = ['unshare', '--mount', 'sh', '-euc', script, 'sh', file];
    const { exitCode, stdout, stderr } = await exec([...mounted, ...wrap(serve, { as: account })], {
      cwd: account.home,
      env: { HOME: account.home, USER: account.name },
    });
    expect([exitCode, stdout]).toEqual([1, '']);
    return stderr;
  }

  const moments = [
    ['at the first start', false],
    ['later', true],
  ] as const;

  async function prepare(wasThere: boolean): Promise<void> {
    await account.run(['rm', '-rf', '.local']);
    if (wasThere) await (await startServeProcess({ account })).stop();
  }

  it.each(moments)('may be missing %s', async (_when, wasThere) => {
    await prepare(wasThere);
    const said = await withBwrap('/dev/null');
    expect(said).toMatch(/^pysync: \S.*\n {2}\S/);
    expect(said).toContain('sudo apt-get install bubblewrap');
  });

  it.each(moments)('may find user namespaces switched off %s', async (_when, wasThere) => {
    await prepare(wasThere);
    const path = join(createTemporaryFolder(account).path, 'bwrap');
    const sentence = 'bwrap: No permissions to create new namespace, likely because of the kernel';
    writeFileSync(path, `#!/bin/sh\necho '${sentence}' >&2\nexit 1\n`, { mode: 0o755 });
    const said = await withBwrap(path);
    expect(said).toMatch(/^pysync: \S.*\n {2}\S/);
    expect(said).toContain(sentence);
    expect(said).toContain('sudo sysctl kernel.unprivileged_userns_clone=1');
  });
});
