/** The owner's program that runs when files have come. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseJson } from '../../helpers/home.js';
import type { Peer } from '../../helpers/peer.js';
import { createReceiver, putFiles } from '../../helpers/receiver.js';
import type { Receiver } from '../../helpers/receiver.js';
import { waitFor } from '../../helpers/tmp.js';

let me: Receiver;
let bob: Peer;

beforeAll(async () => {
  me = await createReceiver();
  bob = await me.letIn('--name', 'bob');
  putFiles(bob.folder, { 'a.txt': 'abc', 'dir/two words': 'four', 'dir/ü\n': '' });
});

afterAll(() => me.remove());

beforeEach(() => me.account.run(['sh', '-c', 'rm -rf told started public/*']));

/** Has this script run when files have come. */
async function tell(script: string): Promise<void> {
  const program = me.write('bin/tell', `#!/bin/sh\n${script}\n`);
  await me.account.run(['chmod', '755', program]);
  const result = await me.account.pysync(['config', 'set', 'on-received', program]);
  expect(result).toMatchObject({ stdout: `${program}\n`, exitCode: 0 });
}

const send = (...args: string[]): ReturnType<Peer['rsync']> =>
  bob.rsync(['-aI', ...args, `${bob.target}:in/`]);

const path = (name: string): string => join(me.account.home, name);

const told = (name = 'told'): Promise<string> =>
  waitFor(
    'the program to have run',
    () => existsSync(path(name)) && readFileSync(path(name), 'utf8'),
  );

interface Shown {
  readonly time: string;
  readonly ended: string;
  readonly onReceived: number | null;
}

async function lastOne(): Promise<Shown | undefined> {
  const result = await me.account.pysync(['log', '-n', '1', '--json']);
  return (parseJson(result) as { transfers: Shown[] }).transfers[0];
}

describe('on-received', () => {
  it('gets the facts in its environment, and the paths of the files on its standard input', async () => {
    await tell('{ env -0; printf "=\\0"; cat; } >~/half; mv ~/half ~/told; exit 7');
    expect(await send('a.txt', 'dir')).toMatchObject({ stderr: '', exitCode: 0 });
    const [environment = '', files = ''] = (await told()).split('=\0');
    const facts = new Map(
      environment.split('\0').map((entry) => {
        const at = entry.indexOf('=');
        return [entry.slice(0, at), entry.slice(at + 1)] as const;
      }),
    );
    expect(Object.fromEntries(facts)).toMatchObject({
      HOME: me.account.home,
      PYSYNC_PEER: 'bob',
      PYSYNC_ADDRESS: '127.0.0.1',
      PYSYNC_SHARE: me.share,
      PYSYNC_FILES: '3',
      PYSYNC_BYTES: '7',
      PYSYNC_COMPLETE: 'yes',
      PYSYNC_OUTCOME: 'done',
      PYSYNC_STATUS: '0',
    });
    expect(facts.get('PYSYNC_KEY')).toMatch(/^SHA256:/);
    expect(readFileSync(facts.get('PYSYNC_LOG') ?? '', 'utf8')).toContain('"peer":"bob"');
    expect(facts.has('SSH_CONNECTION')).toBe(false);
    expect(files.split('\0').sort()).toEqual(['', 'in/a.txt', 'in/dir/two words', 'in/dir/ü\n']);
    const shown = await waitFor('its exit status', async () => {
      const last = await lastOne();
      return last?.onReceived === 7 && last;
    });
    // The end is that of the transfer, not of the program.
    expect(Date.parse(shown.ended) - Date.parse(shown.time)).toBeLessThan(20_000);
  });

  it('hears what came before a transfer was interrupted, and how', async () => {
    await tell('echo "$PYSYNC_FILES $PYSYNC_OUTCOME" >~/half; mv ~/half ~/told');
    putFiles(bob.folder, { 'z-big': Buffer.alloc(2 ** 23) });
    const cut = new AbortController();
    const words = ['-aI', '--bwlimit=1M', 'a.txt', 'z-big', `${bob.target}:in/`];
    const push = bob.rsync(words, { signal: cut.signal });
    await waitFor('a part', () => me.listShare().some((name) => name.includes('/z-big')));
    cut.abort();
    await push;
    expect(await told()).toBe('1 interrupted\n');
  });

  it('is not run where no file came, nor when files are fetched', async () => {
    await tell('echo "$PYSYNC_FILES" >>~/told');
    await bob.rsync(['-a', 'a.txt', '--dry-run', `${bob.target}:`]);
    me.write('public/there', 'x');
    await bob.rsync([`${bob.target}:there`, 'got']);
    await bob.ssh(['id']);
    // The control, which also comes after all of these.
    await send('a.txt');
    expect(await told()).toBe('1\n');
  });

  it('keeps nobody waiting when it hangs, and the next one comes after it', async () => {
    await tell(
      'echo "$PYSYNC_BYTES" >>~/started; while [ ! -e ~/go ]; do sleep 0.05; done; echo >>~/told',
    );
    expect(await send('a.txt')).toMatchObject({ stderr: '', exitCode: 0 });
    await told('started');
    expect(await send('dir/two words')).toMatchObject({ stderr: '', exitCode: 0 });
    expect((await lastOne())?.onReceived).toBeNull();
    expect(await told('started')).toBe('3\n');
    writeFileSync(path('go'), '');
    await waitFor(
      'both',
      () => existsSync(path('told')) && readFileSync(path('told'), 'utf8') === '\n\n',
    );
    expect(await told('started')).toBe('3\n4\n');
  });

  it('may leave its input unread and print what it likes, and is not run once others can write it', async () => {
    await tell('exec <&-; echo noise; echo noise >&2; echo >~/told');
    const many = Object.fromEntries(
      Array.from({ length: 2000 }, (_, i) => [`many/${'n'.repeat(50)}${i}`, '']),
    );
    putFiles(bob.folder, many);
    expect(await send('many')).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
    await told();
    const ofLast = (status: number): Promise<boolean> =>
      waitFor(`status ${status}`, async () => (await lastOne())?.onReceived === status);
    await ofLast(0);
    await me.account.run(['chmod', 'o+w', 'bin/tell']);
    await send('a.txt');
    await ofLast(126);
  });

  it('is gone when it is unset: nothing is started after a transfer', async () => {
    await tell('echo >~/told');
    await me.account.pysync(['config', 'unset', 'on-received']);
    expect(readFileSync(path('.local/share/pysync/launcher'), 'utf8')).not.toContain('received.js');
    await send('a.txt');
    expect(existsSync(path('told'))).toBe(false);
  });
});
