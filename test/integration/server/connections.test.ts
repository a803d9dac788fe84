/** What happens on connections to `pysync serve`: many at once, cut ones, refused ones, open ones. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { exec, mustExec } from '../../helpers/exec.js';
import type { ExecResult } from '../../helpers/exec.js';
import { createPeer } from '../../helpers/peer.js';
import type { Peer } from '../../helpers/peer.js';
import { putFiles, said } from '../../helpers/receiver.js';
import { startServe } from '../../helpers/serve.js';
import type { Serve } from '../../helpers/serve.js';
import { unfinishedBytes } from '../../helpers/session-folders.js';
import { openSession } from '../../helpers/session.js';
import { waitFor } from '../../helpers/tmp.js';

const mebibyte = 1 << 20;
const film = randomBytes(12 * mebibyte);

let me: Account;
let serve: Serve;
let bob: Peer;
/** The same key on connections that stay open. */
let carol: Peer;

beforeAll(async () => {
  me = await createAccount();
  serve = await startServe({ account: me });
  bob = await createPeer({ sshd: serve, account: me });
  carol = await createPeer({ sshd: serve, account: me, multiplex: true });
  for (const peer of [bob, carol]) {
    const imported = await me.pysync(['-i', peer.publicKey, '--allow-delete']);
    expect(imported).toMatchObject({ exitCode: 0 });
  }
  putFiles(bob.folder, { film });
});

// Whatever a client has done, nothing of it stays.
afterEach(async () => {
  await carol.ssh([], { sshOptions: ['-O', 'exit'] });
  await nothingRuns();
});

afterAll(async () => {
  await serve.stop();
  await me.remove();
  for (const peer of [bob, carol]) peer.remove();
});

/** The account's processes but for those of serve itself. */
async function processes(): Promise<string> {
  const { stdout } = await mustExec(['ps', '-o', 'pid=,args=', '-U', String(me.uid)]);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.filter((line) => !/ serve --port |\/engine\/main\.js/.test(line)).join('\n');
}

const nothingRuns = (): Promise<boolean> =>
  waitFor('everything to end', async () => (await processes()) === '');

/** How many transfers have begun and not ended. */
const running = (): number =>
  readdirSync(join(me.home, '.local/state/pysync/running')).filter((name) => name.endsWith('.pipe'))
    .length;

const inShare = (name: string): string => join(me.home, 'public', name);
const shareHas = (name: string): boolean =>
  existsSync(inShare(name)) && readFileSync(inShare(name)).equals(film);

type Exec = (command: string, take: (error: Error | undefined, channel: unknown) => void) => void;

/** A client that does nothing by itself. */
async function connect(): Promise<ssh2.Client> {
  const client = new ssh2.Client();
  client.on('error', () => undefined);
  const privateKey = readFileSync(bob.publicKeyFile.replace(/\.pub$/, ''));
  client.connect({ host: serve.address, port: serve.port, username: 'bob', privateKey });
  await once(client, 'ready');
  return client;
}

/** Starts to send the film slowly, and returns when a part of it has come. */
async function beginToSend(
  name: string,
): Promise<{ end: Promise<ExecResult>; cut: () => Promise<ExecResult> }> {
  const cut = new AbortController();
  const before = unfinishedBytes(join(me.home, 'public'));
  const words = ['-a', '--partial', '--bwlimit=4M', 'film', `${bob.target}:${name}`];
  const end = bob.rsync(words, { signal: cut.signal });
  await waitFor('a part', () => unfinishedBytes(join(me.home, 'public')) >= before + 4 * mebibyte);
  return {
    end,
    cut: () => {
      cut.abort();
      return end;
    },
  };
}

describe('a connection', () => {
  it('changes its keys all the time, both ways', async () => {
    const remoteShellExtra = ['-o', 'RekeyLimit=1M', '-v'];
    for (const words of [
      ['film', `${bob.target}:rekeyed`],
      [`${bob.target}:rekeyed`, 'rekeyed'],
    ]) {
      const { stderr, exitCode } = await bob.rsync(['-a', ...words], { remoteShellExtra });
      expect(exitCode).toBe(0);
      expect(stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length).toBeGreaterThan(5);
    }
    expect(shareHas('rekeyed')).toBe(true);
    expect(readFileSync(join(bob.folder, 'rekeyed')).equals(film)).toBe(true);
  });

  it('is one of eight that send at once', async () => {
    const names = Array.from({ length: 8 }, (_, number) => `at-once-${number}`);
    const results = await Promise.all(
      names.map((name) => bob.rsync(['-a', 'film', `${bob.target}:${name}`])),
    );
    for (const result of results) expect(result).toMatchObject({ stderr: '', exitCode: 0 });
    expect(names.filter((name) => !shareHas(name))).toEqual([]);
  });

  it('carries three sessions at once, and others later', async () => {
    putFiles(carol.folder, { film });
    await carol.ssh([]);
    const names = ['one', 'two', 'three'];
    const send = (name: string): ReturnType<Peer['rsync']> =>
      carol.rsync(['-a', 'film', `${carol.target}:${name}`]);
    for (const result of await Promise.all(names.map(send))) {
      expect(result).toMatchObject({ stderr: '', exitCode: 0 });
    }
    expect(await send('four')).toMatchObject({ stderr: '', exitCode: 0 });
    expect([...names, 'four'].filter((name) => !shareHas(name))).toEqual([]);
  });

  it('refuses an eleventh session and keeps the other ten', async () => {
    // ssh would make a connection of its own for it.
    const client = await connect();
    const begin = promisify(client.exec.bind(client) as Exec);
    for (let session = 0; session < 10; session += 1) await begin('rsync --server -vr . .');
    await expect(begin('rsync --server -vr . .')).rejects.toThrow('open failure');
    await waitFor('ten transfers', () => running() === 10);
    client.end();
  });
});

describe('a cut', () => {
  it('leaves a part, with which the next attempt goes on', async () => {
    const { cut } = await beginToSend('resumed');
    await cut();
    await nothingRuns();
    expect(existsSync(inShare('resumed'))).toBe(false);
    const again = ['-a', '--partial', '--no-whole-file', '--stats'];
    const result = await bob.rsync([...again, 'film', `${bob.target}:resumed`]);
    expect(result).toMatchObject({ stderr: '', exitCode: 0 });
    const matched = /Matched data: ([\d,]+)/.exec(result.stdout)?.[1]?.replaceAll(',', '');
    expect(Number(matched)).toBeGreaterThan(mebibyte);
    expect(shareHas('resumed')).toBe(true);
  });

  it('by SIGKILL leaves no process behind, whatever was going on', async () => {
    writeFileSync(inShare('film'), film);
    const abort = new AbortController();
    const sending = await beginToSend('killed');
    const words = ['-a', '--bwlimit=1M', `${bob.target}:film`, 'fetched'];
    const fetching = bob.rsync(words, { signal: abort.signal });
    const waiting = openSession(bob, 'rsync --server -vr . .');
    await waitFor('all three', () => running() === 3);
    abort.abort();
    await Promise.all([sending.cut(), fetching, waiting.end()]);
    await nothingRuns();
  });

  it('before the command runs leaves no process behind', async () => {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const client = await connect();
      client.exec('rsync --server -vr . .', () => {
        client.destroy();
      });
      await once(client, 'close');
    }
  });
});

describe('what the sender is told', () => {
  it('is rsync’s own status where a file to fetch is missing', async () => {
    const result = await bob.rsync(['-a', `${bob.target}:missing`, 'got/']);
    expect(result.stderr).toContain('missing" failed: No such file');
    expect(result.exitCode).toBe(23);
  });

  it('is a sentence, in front of rsync’s words, where the gate refuses', async () => {
    const result = await bob.rsync(['-a', '-M--daemon', 'film', `${bob.target}:`]);
    expect(result.stderr).toMatch(/^pysync: .*\n[^]*rsync error: /);
    expect(result.exitCode).toBe(12);
  });

  it('is a sentence where there is no command, or another one', async () => {
    for (const words of [[], ['id'], ['rsync', '--version']]) {
      const result = await bob.ssh(words);
      expect(result.stderr).toMatch(/^pysync: this key is for .*\n {2}rsync -avP .*\n$/);
      expect(result).toMatchObject({ stdout: '', exitCode: 1 });
    }
  });

  it('is the gate’s sentence where the command is longer than a program may be told', async () => {
    // As long as the argument of a program may be here (128 KiB), which a variable of that name cannot hold.
    const result = await bob.ssh(['rsync --server -vr . '.padEnd(131_060, 'x')]);
    expect(result.stderr).toBe('pysync: the command is longer than 64 KiB\n');
    expect(result.exitCode).toBe(1);
  });

  it('is ssh’s own word where something else than a command is asked for', async () => {
    const [, ...options] = bob.remoteShell.replace(/ -p (\d+)/, ' -P $1').split(' ');
    const sftp = await exec(['sftp', ...options, bob.target], { input: 'ls\n' });
    expect(said(sftp)).toMatch(/subsystem request failed|Connection closed/);
    expect(sftp.exitCode).not.toBe(0);
    const forwarded = await bob.ssh([], { sshOptions: ['-W', `127.0.0.1:${serve.port}`] });
    expect(forwarded.stderr).toContain('stdio forwarding failed');
    const terminal = await bob.ssh([], { sshOptions: ['-tt'] });
    expect(terminal.stderr).toContain('PTY allocation request failed');
  });

  it('comes after the sender has closed its side', async () => {
    // The first of the words that -s sends, and then the end of input.
    const result = await bob.ssh(['rsync --server -se.LsfxCIvu'], { input: '--server' });
    expect(result.stderr).toBe('pysync: the words over standard input (-s) are cut off\n');
    expect(result.exitCode).toBe(1);
  });

  it('is an end by a signal where that is what has happened', async () => {
    const session = openSession(bob, 'rsync --server -se.LsfxCIvu');
    const pid = await waitFor(
      'the launcher',
      async () => /^ *(\d+) .*\/launcher --peer/m.exec(await processes())?.[1],
    );
    await mustExec(['kill', '-KILL', '--', `-${pid}`]);
    expect((await session.ended).exitCode).toBe(255);
  });

  it('is that the connection has ended where rsync was killed', async () => {
    const { end } = await beginToSend('killed-there');
    const [, pid = ''] = /^ *(\d+) \S*rsync --server/m.exec(await processes()) ?? [];
    await mustExec(['kill', '-KILL', pid]);
    const { stderr, exitCode } = await end;
    expect(stderr).toContain('rsync error: ');
    // 12, or the shell's 128 + 9, which rsync passes on.
    expect([12, 137]).toContain(exitCode);
  });
});
