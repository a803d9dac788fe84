/**
 * Strangers at `pysync serve`: they knock, and the owner answers at the terminal or with another
 * pysync; or they give a code.
 */
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAccount } from '../../helpers/account.js';
import type { Account } from '../../helpers/account.js';
import { exec } from '../../helpers/exec.js';
import type { ExecOptions, ExecResult } from '../../helpers/exec.js';
import { createPeer } from '../../helpers/peer.js';
import type { Peer } from '../../helpers/peer.js';
import { putFiles } from '../../helpers/receiver.js';
import { startServe } from '../../helpers/serve.js';
import type { Serve } from '../../helpers/serve.js';
import { unfinishedBytes } from '../../helpers/session-folders.js';
import { findFreePort } from '../../helpers/sshd.js';
import { ctrlC, startOnTerminal } from '../../helpers/terminal.js';
import type { OnTerminal } from '../../helpers/terminal.js';
import { waitFor } from '../../helpers/tmp.js';

let me: Account;
let port: number;
let bob: Peer;
const peers: Peer[] = [];

beforeAll(async () => {
  me = await createAccount();
});

afterAll(async () => {
  await me.remove();
  for (const peer of peers) peer.remove();
});

async function makePeer(): Promise<Peer> {
  const peer = await createPeer({ sshd: { address: '127.0.0.1', port }, account: me });
  putFiles(peer.folder, { 'hello.txt': 'hello\n' });
  peers.push(peer);
  return peer;
}

/** Sends a file as a person does, whom ssh may ask something. */
const send = (
  peer: Peer,
  user: string,
  options: ExecOptions & { readonly ssh?: readonly string[] } = {},
): Promise<ExecResult> => {
  const { ssh = [], ...rest } = options;
  const shell = [peer.remoteShell.replace('BatchMode=yes', 'BatchMode=no'), ...ssh].join(' ');
  return exec(['rsync', '-aI', '-e', shell, 'hello.txt', `${user}@127.0.0.1:`], {
    cwd: peer.folder,
    ...rest,
    env: { HOME: peer.folder, ...rest.env },
  });
};

const home = (path: string): string => join(me.home, path);
const keys = (): string =>
  existsSync(home('.ssh/authorized_keys'))
    ? readFileSync(home('.ssh/authorized_keys'), 'utf8')
    : '';
const guests = (): string =>
  existsSync(home('.local/share/pysync/guests'))
    ? readFileSync(home('.local/share/pysync/guests'), 'utf8')
    : '';
const arrived = (folder = 'public'): boolean => existsSync(home(`${folder}/hello.txt`));

async function emptyHome(): Promise<void> {
  await me.run(['sh', '-c', 'rm -rf .ssh public inbox .local/state/pysync']);
}

const waits = /^pysync: waiting for \S+ to let you in; your key is SHA256:\S+\n/;
const isLockedOut = {
  stderr: expect.stringContaining('Permission denied (publickey') as unknown,
  exitCode: 255,
};

describe('at a terminal', () => {
  let terminal: OnTerminal;

  beforeEach(async () => {
    await emptyHome();
    port = await findFreePort('::');
    bob = await makePeer();
  });

  afterEach(async () => {
    await terminal.typeAt(/Receiving/, ctrlC);
    expect(await terminal.end()).toBe(0);
  });

  async function start(...args: readonly string[]): Promise<void> {
    terminal = startOnTerminal(me, ['serve', '--port', String(port), '--no-announce', ...args]);
    await terminal.typeAt(/Receiving on port/, '');
  }

  /** Presses the key until it counts: a question has to have been there for a moment. */
  async function answer(key: string, outcome: string): Promise<void> {
    await terminal.typeAt(/Somebody new wants to send files into/, '');
    const before = terminal.output().length;
    await waitFor(`the terminal to show ${outcome}`, async () => {
      await terminal.typeAt(/./, key);
      return terminal.output().slice(before).includes(outcome);
    });
  }

  it('y lets a stranger in for good, in the very transfer that knocked', async () => {
    await start('--dir', home('inbox'), '--access', 'write-only', '--from', '127.0.0.0/8');
    const first = send(bob, 'bob');
    await answer('y', 'bob (127.0.0.1) is let in from now on');
    const { stderr, exitCode } = await first;
    expect(stderr).toMatch(waits);
    expect(exitCode).toBe(0);
    expect(arrived('inbox')).toBe(true);
    expect(keys()).toMatch(
      /^restrict,from="127.0.0.0\/8",command=".* --peer bob .* --share \S+\/inbox --access write-only /,
    );
    // What the stranger was asked for is what they may do, and nobody asks again.
    expect(await send(bob, 'bob')).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    const fetched = await bob.rsync(['-a', `${bob.target}:hello.txt`, 'got/']);
    expect(fetched.stderr).toMatch(/^pysync: this key may send files, not fetch or list them/);
  });

  it('o lets a stranger in for one session, and writes nothing down', async () => {
    await start();
    const first = send(bob, 'bob');
    await answer('o', 'bob (127.0.0.1) is let in, this once');
    const { stderr, exitCode } = await first;
    expect(stderr).toMatch(waits);
    expect(exitCode).toBe(0);
    expect(arrived()).toBe(true);
    await waitFor('the guest to be forgotten', () => guests() === '');
    expect(keys()).toBe('');
    const again = send(bob, 'bob');
    await answer('n', 'bob (127.0.0.1) is not let in');
    expect((await again).exitCode).toBe(12);
  });

  it('n refuses a stranger, about whom nobody is asked again', async () => {
    await start();
    const first = send(bob, 'bob');
    await answer('n', 'bob (127.0.0.1) is not let in');
    const { stderr, exitCode } = await first;
    expect(stderr.replace(waits, '')).toMatch(/^pysync: you were not let in\n/);
    expect(exitCode).toBe(12);
    const before = terminal.output().match(/Somebody new/g)?.length;
    expect(await send(bob, 'bob')).toMatchObject(isLockedOut);
    expect(terminal.output().match(/Somebody new/g)).toHaveLength(before ?? 0);
    expect([arrived(), keys()]).toEqual([false, '']);
  });

  it('shows names that strangers claim harmlessly, and tells them from those that are known', async () => {
    const known = await makePeer();
    expect(await me.pysync(['-i', known.publicKey, '--name', 'anna'])).toMatchObject({
      exitCode: 0,
    });
    await start();
    const first = send(bob, 'anna');
    await terminal.typeAt(/calls themselves anna \(not the one you know\)/, '');
    await answer('y', 'is let in from now on');
    expect((await first).exitCode).toBe(0);
    expect(keys().match(/--peer \S+/g)).toEqual(['--peer anna', '--peer anna-2']);

    // OpenSSH's client would not send these.
    const evil = `\u001b]0;pwned\u0007\u001b[2J\u202e${'x'.repeat(300)}`;
    const second = await knockAs(evil);
    await terminal.typeAt(/calls themselves \\u001b]0;pwned/, '');
    await answer('y', '(127.0.0.1) is let in from now on');
    second.destroy();
    expect(terminal.output()).not.toMatch(/\u001b\]0;|\u001b\[2J|\u202e|x{50}/);
    expect(keys().split('\n')[2]).toMatch(/ --peer [\w.-]{1,64} /);

    const third = await knockAs('anna (127.0.0.1) is let in from now on\npysync: all is well');
    await answer('n', ' is not let in');
    third.destroy();
    expect(terminal.output()).not.toMatch(/^pysync: all is well/m);
    expect(keys().match(/--peer /g)).toHaveLength(3);
  });

  it('takes a key for one question, and not for the next one, which nobody has read', async () => {
    await start();
    const leave = new AbortController();
    const second = await makePeer();
    const from = (peer: Peer, user: string, address: string): Promise<ExecResult> =>
      send(peer, user, { ssh: ['-b', address], signal: leave.signal });
    const strangers = [from(bob, 'first', '127.0.0.2')];
    await terminal.typeAt(/calls themselves first/, '');
    strangers.push(from(second, 'second', '127.0.0.3'));
    await terminal.typeAt(/and 1 more after this one/, '');
    // It is pressed all the time until the terminal shows what has come of it.
    await answer('n', 'first (127.0.0.2) is not let in');
    await terminal.typeAt(/calls themselves second/, '');
    expect(terminal.output()).not.toContain('second (127.0.0.3) is not let in');
    leave.abort();
    await Promise.all(strangers);
  });

  /** A client that claims any name at all. */
  async function knockAs(username: string): Promise<ssh2.Client> {
    const { publicKeyFile } = await makePeer();
    const client = new ssh2.Client();
    client.on('error', () => undefined);
    const privateKey = readFileSync(publicKeyFile.replace(/\.pub$/, ''));
    client.connect({ host: '127.0.0.1', port, username, privateKey });
    await once(client, 'ready');
    client.exec('rsync --server -vr . .', () => undefined);
    return client;
  }
});

describe('without a terminal', () => {
  let serve: Serve | undefined;

  beforeEach(emptyHome);
  afterEach(() => serve?.stop());

  async function start(...args: readonly string[]): Promise<Serve> {
    serve = await startServe({ account: me, args });
    ({ port } = serve);
    bob = await makePeer();
    return serve;
  }

  const waiting = async (): Promise<{ fingerprint: string; user: string; outcome: string }[]> => {
    const { stdout } = await me.pysync(['knocks', '--json']);
    return JSON.parse(stdout) as { fingerprint: string; user: string; outcome: string }[];
  };

  it('another pysync lists who waits, and lets them in while they do', async () => {
    const { log } = await start('--pair');
    const first = send(bob, 'bob');
    const [knock] = await waitFor('a knock', async () => {
      const all = await waiting();
      return all.length > 0 && all;
    });
    expect(knock).toMatchObject({ user: 'bob', outcome: 'waiting' });
    const { fingerprint = '' } = knock ?? {};
    expect(log()).toContain(`to let them in: pysync let-in ${fingerprint}`);
    expect((await me.pysync(['knocks'])).stdout).toContain(
      `bob  127.0.0.1  ED25519  ${fingerprint}`,
    );
    const letIn = await me.pysync(['let-in', fingerprint, '--name', 'robert']);
    expect(letIn.stdout).toBe(`robert is let in from now on, with the key ${fingerprint}\n`);
    expect(await first).toMatchObject({
      stderr: expect.stringMatching(waits) as unknown,
      exitCode: 0,
    });
    expect(arrived()).toBe(true);
    expect(await waiting()).toEqual([]);
  });

  it('one waits for each address, and five in all', async () => {
    const { log } = await start('--pair');
    const leave = new AbortController();
    const from = (n: number): Promise<ExecResult> =>
      send(bob, `guest-${n}`, { ssh: ['-b', `127.0.0.${n}`], signal: leave.signal });
    const strangers = [];
    for (const n of [11, 12, 13, 14, 15]) {
      bob = await makePeer();
      strangers.push(from(n));
      await waitFor('the knock', () => log().includes(`calls themselves guest-${n}`));
    }
    bob = await makePeer();
    const again = 'try again in a while\n';
    expect((await from(11)).stderr).toContain(
      `pysync: somebody at your address is already waiting to be let in; ${again}`,
    );
    expect((await from(16)).stderr).toContain(
      `pysync: too many are waiting to be let in; ${again}`,
    );
    leave.abort();
    await Promise.all(strangers);
    await waitFor('their end', () => (log().match(/has gone again/g) ?? []).length === 5);
    // Also where they go all at once.
    await waitFor('the list', async () =>
      (await waiting()).every(({ outcome }) => outcome === 'gone'),
    );
    expect(await waiting()).toHaveLength(5);
  });

  it('a client that has a known key as well is not asked about', async () => {
    const { log } = await start('--pair');
    const known = await makePeer();
    expect(await me.pysync(['-i', known.publicKey])).toMatchObject({ exitCode: 0 });
    const both = ['-i', known.publicKeyFile.replace(/\.pub$/, '')];
    expect(await send(bob, 'bob', { ssh: both })).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    expect(log()).not.toContain('calls themselves');
  });

  it('a stranger who wants something else than rsync does not bother the owner', async () => {
    const { log } = await start('--pair');
    const words = bob.remoteShell.replace('BatchMode=yes', 'BatchMode=no').split(' ');
    const result = await exec([...words, bob.target, 'id'], { env: { HOME: bob.folder } });
    expect(result.stderr).toBe(
      'pysync: you are not known here; to ask to be let in, send a file with rsync\n',
    );
    expect(result).toMatchObject({ stdout: '', exitCode: 1 });
    expect(log()).not.toContain('calls themselves');
  });

  it.each([[['--pair']], [['--code']]])(
    'a sender without a key is told how to make one (%j)',
    async (args) => {
      await start(...args, ...(args.includes('--code') ? ['--no-pair'] : []));
      const ssh = ['-o', 'PubkeyAuthentication=no'];
      const shell = ['ssh', '-F', 'none', '-p', String(port), ...ssh];
      const known = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
      const result = await exec([...shell, ...known, 'bob@127.0.0.1', 'rsync --server -vr . .'], {
        env: { HOME: bob.folder },
      });
      expect(result.exitCode).toBe(255);
      expect(result.stderr).toContain('ssh-keygen -t ed25519');
    },
  );

  describe('with --code', () => {
    /** Sends without a key; ssh is given one of the answers for each prompt. */
    async function sendWithCode(
      ...answers: readonly string[]
    ): Promise<ExecResult & { asked: number }> {
      writeFileSync(join(bob.folder, 'answers'), `${answers.join('\n')}\n`);
      const script =
        '#!/bin/sh\ncd "$HOME"; echo "$1" >>asked; head -n 1 answers; sed -i 1d answers\n';
      writeFileSync(join(bob.folder, 'askpass'), script, { mode: 0o755 });
      writeFileSync(join(bob.folder, 'asked'), '');
      const result = await send(bob, 'grandma', {
        ssh: ['-o', 'PubkeyAuthentication=no', '-o', 'NumberOfPasswordPrompts=9'],
        env: { SSH_ASKPASS: join(bob.folder, 'askpass'), SSH_ASKPASS_REQUIRE: 'force' },
      });
      const asked = readFileSync(join(bob.folder, 'asked'), 'utf8').split('\n').length - 1;
      return { ...result, asked };
    }

    const codeOf = ({ log }: Serve): string => / lets somebody in: (\S+)$/m.exec(log())?.[1] ?? '';

    it('the right code lets one session in, and no second one', async () => {
      const code = codeOf(await start('--code'));
      expect(code).toMatch(/^[a-z]+-[a-z]+-\d{4}$/);
      // As people type it.
      const typed = code.toUpperCase().replaceAll('-', ' ');
      expect(await sendWithCode(typed)).toEqual({ stdout: '', stderr: '', exitCode: 0, asked: 1 });
      expect(arrived()).toBe(true);
      await waitFor('the guest to be forgotten', () => guests() === '');
      expect(keys()).toBe('');
      expect(await sendWithCode(code)).toMatchObject({ exitCode: 255 });
    });

    it('the right code lets nobody in from where --from lets nobody in, nor does a knock', async () => {
      const code = codeOf(await start('--code', '--pair', '--from', '192.0.2.99'));
      expect(await sendWithCode(code)).toMatchObject({ exitCode: 255, asked: 3 });
      expect(await send(bob, 'bob')).toMatchObject({ exitCode: 255 });
      expect(arrived()).toBe(false);
    });

    it('three wrong ones end the connection, and five the code', async () => {
      const running = await start('--code');
      const code = codeOf(running);
      expect(await sendWithCode('a', 'b', 'c', code)).toMatchObject({ exitCode: 255, asked: 3 });
      expect(await sendWithCode('d', 'e', code)).toMatchObject({ exitCode: 255 });
      expect(running.log()).toMatch(/gave a wrong code\n[^]*came too late with a code\n/);
      expect(arrived()).toBe(false);
    });

    it('a code is not used up by four wrong ones', async () => {
      const code = codeOf(await start('--code'));
      await sendWithCode('a', 'b', 'c');
      expect(await sendWithCode('d', code)).toMatchObject({ exitCode: 0, asked: 2 });
      expect(arrived()).toBe(true);
    });

    it('a guest of a serve that was killed has no access to the next one', async () => {
      const running = await start('--code');
      putFiles(bob.folder, { 'hello.txt': Buffer.alloc(8 << 20, 'x') });
      const transfer = sendWithCode(codeOf(running));
      await waitFor('a part', () => unfinishedBytes(home('public')) > 0 || arrived());
      expect(guests()).toMatch(/^restrict,command=".* --peer guest-grandma .* --source guest /);
      process.kill(running.pid, 'SIGKILL');
      expect((await transfer).exitCode).not.toBe(0);
      await running.stop();
      await start();
      expect(guests()).toBe('');
    });
  });
});
