/**
 * The attacker has a key that may send. The owner has a program run, and a notification shown, when
 * files have come. The attacker gives its files names that are commands, options, markup and escape
 * sequences. None may be run, none may be read as markup, and none may be in the environment.
 */
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemPath, wrap } from '../helpers/exec.js';
import type { Peer } from '../helpers/peer.js';
import { createReceiver, putFiles } from '../helpers/receiver.js';
import type { Receiver } from '../helpers/receiver.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;

const names = [
  '$(touch pwned)',
  '`touch pwned`',
  ';touch pwned;',
  "';touch pwned;'",
  '-rf',
  '--help',
  'PYSYNC_PEER=bob',
  'two\nlines',
  '\u001b]0;pwned\u0007\u202e',
  '<a href="x">click<b>&amp;<img src=x>',
];

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  names.forEach((name, i) => {
    putFiles(mallory.folder, { [`evil${i}/${name}`]: 'x' });
  });
});

afterAll(() => me.remove());

const inHome = (name: string): string => join(me.account.home, name);

test('a program of the owner’s gets them as data, and runs none of them', async () => {
  const script = '#!/bin/sh\n{ env; printf "=\\n"; cat; } >~/half; mv ~/half ~/told\n';
  const program = me.write('bin/tell', script);
  await me.account.run(['chmod', '755', program]);
  await me.account.pysync(['config', 'set', 'on-received', program]);
  const folders = names.map((_, i) => `evil${i}/`);
  const sent = await mallory.rsync(['-a', ...folders, `${mallory.target}:`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  await waitFor('the program', () => existsSync(inHome('told')));
  const [environment = '', files = ''] = readFileSync(inHome('told'), 'utf8').split('\n=\n');
  expect(environment).toContain('PYSYNC_PEER=mallory\n');
  expect(environment).not.toMatch(/touch|href|pwned|=bob/);
  // The control: each name came, byte for byte.
  expect(files.split('\0').filter(Boolean).sort()).toEqual([...names].sort());
  const found = await me.account.run(['find', '.', '-name', 'pwned']);
  expect(found.stdout).toBe('');
  await me.account.pysync(['config', 'unset', 'on-received']);
});

test('a notification shows them as text, and not as markup', async () => {
  const { account } = me;
  const folder = `/run/user/${account.uid}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chownSync(folder, account.uid, account.gid);
  const address = `unix:path=${folder}/bus`;
  const env = { PATH: systemPath, DBUS_SESSION_BUS_ADDRESS: address };
  const start = (...argv: string[]) => {
    const [file = '', ...args] = wrap(argv, { as: account });
    return execa(file, args, { env, extendEnv: false, reject: false, stdin: 'ignore' });
  };
  const bus = start('dbus-daemon', '--session', '--nofork', '--nopidfile', `--address=${address}`);
  await waitFor('the bus', () => existsSync(`${folder}/bus`));
  const monitor = start('dbus-monitor', "interface='org.freedesktop.Notifications'");
  try {
    let seen = '';
    monitor.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    await waitFor('the monitor', () => seen.includes('NameAcquired'));
    await account.pysync(['config', 'set', 'notify', 'on']);
    for (const i of [9, 8, 4]) {
      await mallory.rsync(['-aI', `evil${i}/`, `${mallory.target}:in/`]);
      const count = [9, 8, 4].indexOf(i) + 1;
      const isShown = (): boolean => seen.split('member=Notify').length > count;
      await waitFor('the notification', isShown, 30_000);
    }
    await waitFor('all of the last one', () => seen.trimEnd().endsWith('int32 -1'));
    // The control: it was shown, with the name in it.
    expect(seen).toContain('string "mallory sent 1 file, 1B"');
    expect(seen).toContain('string "in/-rf"');
    expect(seen).toContain('in/&lt;a href="x"&gt;click&lt;b&gt;&amp;amp;&lt;img src=x&gt;"');
    expect(seen).not.toContain('<');
    expect(seen).not.toMatch(/\u001b|\u0007|\u202e/);
    expect(seen).toContain('in/\\u001b]0;pwned\\u0007\\u202e"');
  } finally {
    monitor.kill();
    bus.kill();
    await Promise.all([monitor, bus]);
    rmSync(folder, { recursive: true, force: true });
  }
});
