/**
 * The attacker has a key that may send and fetch, and is root at home. It sends devices, fifos and
 * sockets, which hang or mislead the programs that read the share, and asks the receiving rsync to
 * read or write a device it finds there. No such file may be made, and no device be opened.
 */
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deviceFilter } from '../../src/sandbox/seccomp.js';
import { mustExec } from '../helpers/exec.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles, said } from '../helpers/receiver.js';
import { needsRoot } from '../helpers/root.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  needsRoot('making devices');
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  for (const { folder } of [mallory, trusted]) await fill(join(folder, 'tree'));
});

afterAll(() => me.remove());

async function fill(tree: string): Promise<void> {
  mkdirSync(tree);
  putFiles(tree, { 'ordinary.txt': 'ordinary\n' });
  await mustExec(['mknod', join(tree, 'block'), 'b', '7', '0']);
  await mustExec(['mknod', join(tree, 'character'), 'c', '1', '3']);
  await mustExec(['mknod', join(tree, 'whiteout'), 'c', '0', '0']);
  await mustExec(['mkfifo', join(tree, 'fifo')]);
  await new Promise<void>((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(join(tree, 's'), () => {
      // Node takes the file away with the server; a second name keeps it.
      mustExec(['ln', join(tree, 's'), join(tree, 'socket')]).then(() => {
        server.close(() => {
          resolve();
        });
      }, reject);
    });
  });
}

/** The entries of the share that are neither files nor folders nor links. */
function specials(): string[] {
  return me.listShare().filter((name) => {
    const entry = lstatSync(join(me.share, name));
    return !entry.isFile() && !entry.isDirectory() && !entry.isSymbolicLink();
  });
}

const options = [
  '-a',
  '-a --inplace',
  '-r --devices',
  '-r --specials',
  '-aI --delay-updates',
  '-aH',
  '-a --no-super',
  '-as',
];

test.each(options)('a push with %s makes no device, fifo or socket', async (words) => {
  const target = `${mallory.target}:${words.replaceAll(/\W/g, '')}/`;
  await mallory.rsync([...words.split(' '), 'tree/', target]);
  expect(specials()).toEqual([]);
  expect(me.listShare().filter((name) => name.endsWith('ordinary.txt')).length).toBeGreaterThan(0);
});

test.each(['--super', '--fake-super', '--no-drop-D', '--copy-devices', '--write-devices'])(
  'the remote option %s is refused',
  async (option) => {
    const sent = await mallory.rsync(['-a', `-M${option}`, 'tree/', `${mallory.target}:refused/`]);
    expect(said(sent)).toMatch(/pysync: .* not allowed/);
    expect(me.listShare()).not.toContain('refused');
  },
);

test('with an rsync that has no --drop-D the kernel refuses them', async () => {
  const data = join(me.account.home, '.local/share/pysync');
  const settings = join(data, 'settings.json');
  const text = readFileSync(settings, 'utf8');
  const seccomp = me.write('.local/share/pysync/mknod.bpf', deviceFilter(process.arch) ?? '');
  await me.account.run(['chmod', '600', seccomp]);
  const before = JSON.parse(text) as Record<string, unknown>;
  writeFileSync(settings, JSON.stringify({ ...before, dropsDevices: false, seccomp }));
  for (const words of ['-a', '-rD --inplace']) {
    await mallory.rsync([...words.split(' '), 'tree/', `${mallory.target}:old/`]);
  }
  writeFileSync(settings, text);
  expect(readFileSync(join(me.share, 'old/ordinary.txt'), 'utf8')).toBe('ordinary\n');
  expect(specials()).toEqual([]);
});

test('a device that the receiver has in the share is neither read nor written', async () => {
  await mustExec(['mknod', '-m', '666', join(me.share, 'zero'), 'c', '1', '5']);
  await mallory.rsync(['-a', '--copy-devices', `${mallory.target}:zero`, 'got/']);
  await mallory.rsync(['-a', '-M--copy-devices', `${mallory.target}:zero`, 'got/']);
  await mallory.rsync(['-a', '--write-devices', 'id.pub', `${mallory.target}:zero`]);
  await mustExec(['rm', '-f', join(me.share, 'zero')]);
  const { stdout } = await mustExec(['find', mallory.folder, '-name', 'zero', '-type', 'f']);
  expect(stdout).toBe('');
});

test('the control: without pysync the fifo and the socket are made', async () => {
  await trusted.rsync(['-a', 'tree/', `${trusted.target}:open/`]);
  expect(lstatSync(join(me.account.home, 'open/fifo')).isFIFO()).toBe(true);
  expect(lstatSync(join(me.account.home, 'open/socket')).isSocket()).toBe(true);
});
