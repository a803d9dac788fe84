/** What becomes of `pysync serve` when the process that speaks to the network is killed. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeAll, afterAll, expect, inject, it } from 'vitest';
import { bannerAt } from '../../../src/sshd/server.js';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { systemPath, wrap } from '../../helpers/exec.js';
import { endTree } from '../../helpers/run-folder.js';
import { findFreePort } from '../../helpers/sshd.js';
import { waitFor } from '../../helpers/tmp.js';

let account: Account;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  account = await createAccount();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => account.remove());

async function startServe() {
  const port = await findFreePort('::');
  const program = [inject('node'), join(inject('program'), 'bin/pysync.js')];
  const words = [...program, 'serve', '--no-announce', '--port', String(port)];
  const [file = '', ...rest] = wrap(words, { as: account });
  const child = execa(file, rest, {
    cwd: account.home,
    env: { PATH: systemPath, HOME: account.home, LC_ALL: 'C.UTF-8' },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    all: true,
    buffer: false,
  });
  const { pid = 0 } = child;
  cleanups.push(() => endTree(pid));
  let text = '';
  child.all.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const said = (what: string): Promise<unknown> => waitFor(what, () => text.includes(what), 30_000);
  await said('Receiving on port');
  return { port, pid, said, ended: child.then(({ exitCode }) => exitCode) };
}

/** All processes of the engine at once, while the one that would start it again cannot move. */
async function killEngine(pid: number): Promise<void> {
  const path = `/proc/${pid}/task/${pid}/children`;
  process.kill(pid, 'SIGSTOP');
  const [engine = ''] = readFileSync(path, 'utf8').split(' ');
  await endTree(Number(engine));
}

async function take(port: number): Promise<Server> {
  const server = createServer();
  server.listen({ port, host: '::' });
  await once(server, 'listening');
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return server;
}

it('is started again, also where the port is free only a moment later', async () => {
  const { port, pid, said } = await startServe();
  await killEngine(pid);
  const other = await take(port);
  process.kill(pid, 'SIGCONT');
  await said('has started again what speaks to the network');
  other.close();
  await waitFor('serve to answer again', async () => {
    return (await bannerAt(port, '127.0.0.1')) === 'SSH-2.0-pysync';
  });
});

it('ends serve with an error where another program has taken the port', async () => {
  const { port, pid, said, ended } = await startServe();
  await killEngine(pid);
  await take(port);
  process.kill(pid, 'SIGCONT');
  await said(`pysync: port ${port} is taken by another program`);
  expect(await ended).toBe(1);
});
