/**
 * The attacker has taken over the process of `pysync serve` that speaks to the network, and runs what they
 * like in its place, in the very same sandbox. Nothing of the owner's is there to be read or changed, no
 * other process to be seen or ended, and no network.
 */
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createAccount } from '../helpers/account.js';
import type { Account } from '../helpers/account.js';

let account: Account;
let server: Server;
let folder: string;
let places: Readonly<Record<string, string | number>>;

/** Prints what each try came to: `done`, or the code of its error. */
const script = `
const fs = require('node:fs');
const { connect } = require('node:net');
const { spawnSync } = require('node:child_process');
const places = JSON.parse(process.argv[1]);
const tries = {
  readSecret: () => fs.readFileSync(places.secret),
  readKeys: () => fs.readFileSync(places.keys),
  readSystem: () => fs.readFileSync('/etc/passwd'),
  listHome: () => { if (!fs.readdirSync(places.home).includes('secret')) throw { code: 'EMPTY' }; },
  writeHome: () => fs.writeFileSync(places.home + '/planted', ''),
  writeFolder: () => fs.writeFileSync(places.folder + '/planted', ''),
  writeProgram: () => fs.writeFileSync(places.program + '/dist/server/planted', ''),
  seeProcess: () => fs.readFileSync('/proc/' + places.pid + '/stat'),
  signalProcess: () => process.kill(places.pid, 0),
  runShell: () => { const { error } = spawnSync('/bin/sh', ['-c', ':']); if (error) throw error; },
};
const result = {};
for (const [name, run] of Object.entries(tries)) {
  try { run(); result[name] = 'done'; } catch (error) { result[name] = error.code; }
}
const socket = connect(places.port, '127.0.0.1');
const end = (how) => { result.connect = how; console.log(JSON.stringify(result)); process.exit(); };
socket.once('connect', () => end('done'));
socket.once('error', (error) => end(error.code));
`;

beforeAll(async () => {
  account = await createAccount();
  server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  folder = join(account.home, 'sockets');
  await account.run([
    'sh',
    '-c',
    'mkdir -p sockets .ssh; echo secret >secret; echo key >.ssh/authorized_keys',
  ]);
  const { stdout } = await account.run(['sh', '-c', 'sleep 600 >/dev/null 2>&1 & echo $!']);
  places = {
    home: account.home,
    secret: join(account.home, 'secret'),
    keys: join(account.home, '.ssh/authorized_keys'),
    folder,
    program: join(account.home, 'program'),
    pid: Number(stdout),
    port: (server.address() as AddressInfo).port,
  };
  // A program of the account's own, so that the control may write there.
  await account.run(['cp', '-r', inject('program'), join(account.home, 'program')]);
});

afterAll(async () => {
  server.close();
  await account.remove();
});

async function attempt(command: readonly string[]): Promise<Record<string, string>> {
  const { stdout, stderr } = await account.run([...command, '-e', script, JSON.stringify(places)]);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, string>;
}

/** The command that starts the engine, up to its node. */
async function box(): Promise<string[]> {
  const module = JSON.stringify(join(account.home, 'program/dist/server/box.js'));
  const print = `console.log(JSON.stringify(require(${module}).boxed('engine/main.js', ${JSON.stringify(folder)})))`;
  const { stdout } = await account.run([inject('node'), '-e', print]);
  const words = JSON.parse(stdout) as string[];
  return words.slice(0, words.indexOf('--') + 2);
}

test('nothing of the owner’s is there, and no network', async () => {
  const result = await attempt(await box());
  expect(result).toEqual({
    readSecret: 'ENOENT',
    readKeys: 'ENOENT',
    readSystem: 'ENOENT',
    listHome: 'EMPTY',
    writeHome: 'EROFS',
    writeFolder: 'EROFS',
    writeProgram: 'EROFS',
    seeProcess: 'ENOENT',
    signalProcess: 'ESRCH',
    runShell: 'ENOENT',
    connect: expect.stringMatching(/^E(?:CONNREFUSED|NETUNREACH)$/) as unknown,
  });
});

test('the control: outside of it all of that is to be had', async () => {
  const result = await attempt([inject('node')]);
  expect(new Set(Object.values(result))).toEqual(new Set(['done']));
});
