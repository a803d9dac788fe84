/**
 * The attacker has taken over the process of `pysync serve` that speaks to the network, and runs what he
 * likes in its sandbox. He must get at nothing of the owner's, at no network and at no other process. The
 * control is the same program outside the sandbox, as the same user.
 */
import { chownSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createAccount } from '../helpers/account.js';
import type { Account } from '../helpers/account.js';
import { wrap } from '../helpers/exec.js';
import { ed25519Line } from '../helpers/key-blob.js';
import { startServeProcess } from '../helpers/serve-process.js';
import { createTemporaryFolder } from '../helpers/tmp.js';

/** What each attempt has got, or the error that kept it. */
type Results = Readonly<Record<string, string>>;

const program = readFileSync(
  join(dirname(dirname(fileURLToPath(import.meta.url))), 'fixtures/taken-over.mjs'),
  'utf8',
);

let me: Account;
let folder: string;
let inside: Results;
let outside: Results;
/** Whether the process that was to be ended from inside has lived on. */
let isVictimAlive: boolean;
const servers: Server[] = [];

beforeAll(async () => {
  me = await createAccount();
  await me.pysync(['-i', ed25519Line()]);
  // Makes the host key.
  const serve = await startServeProcess({ account: me });
  await serve.stop();
  folder = createTemporaryFolder(me).path;
  for (const name of ['.ssh/id_ed25519', 'public/hello.txt']) put(join(me.home, name));
  put(join(folder, '1.1'));
  const port = await listen({ port: 0, host: '127.0.0.1' });
  const abstract = `pysync-box-${port}`;
  await listen({ path: `\0${abstract}` });

  const command = await boxed();
  inside = await attack(command.slice(0, command.indexOf('--') + 2), { port, abstract });
  isVictimAlive = inside['victim'] === 'alive';
  outside = await attack([inject('node')], { port, abstract });
  rmSync(`/tmp/${abstract}`, { force: true });
});

afterAll(async () => {
  for (const server of servers) server.close();
  await me.remove();
});

function put(path: string): void {
  writeFileSync(path, 'hello');
  chownSync(path, me.uid, me.gid);
}

async function listen(where: object): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).end('hello'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(where, resolve));
  const address = server.address();
  return address === null || typeof address === 'string' ? 0 : (address satisfies AddressInfo).port;
}

/** The command that starts the engine, with one program more for it to misuse. */
async function boxed(): Promise<string[]> {
  const box = join(inject('program'), 'dist/server/box.js');
  const script = `console.log(JSON.stringify(require(${JSON.stringify(box)}).boxed('engine/main.js', process.argv[1])))`;
  const { stdout, stderr } = await me.run([inject('node'), '-e', script, folder]);
  if (stdout === '') throw new Error(stderr);
  const [bwrap = '', ...args] = JSON.parse(stdout) as string[];
  return [bwrap, '--ro-bind', '/usr/bin/unshare', '/usr/bin/unshare', ...args];
}

/** Runs the program by these words of a command, which end with Node. */
async function attack(words: readonly string[], targets: object): Promise<Results> {
  const [sleep = '', ...sleepArgs] = wrap(['sleep', '1000'], { as: me });
  const victim = execa(sleep, sleepArgs, { reject: false });
  const all = JSON.stringify({ home: me.home, folder, victim: victim.pid, ...targets });
  const { stdout, stderr } = await me.run([...words, '--input-type=module', '-e', program, all]);
  if (stdout === '') throw new Error(stderr);
  const isAlive = victim.kill(0) && existsSync(`/proc/${victim.pid ?? 0}/exe`);
  victim.kill('SIGKILL');
  await victim;
  return { ...(JSON.parse(stdout) as Results), victim: isAlive ? 'alive' : 'ended' };
}

test('a program in the sandbox gets at nothing', () => {
  const got = Object.entries(inside).filter(([, result]) => result.startsWith('got'));
  expect(got).toEqual([]);
  expect(isVictimAlive).toBe(true);
});

test('the control: outside the same program gets at all of it', () => {
  const { victim, ...attempts } = outside;
  const kept = Object.entries(attempts).filter(([, result]) => !result.startsWith('got'));
  expect(kept).toEqual([]);
  expect(victim).toBe('ended');
});
