/**
 * The attacker has a key that may send and fetch. It names outside places in every option of rsync
 * that carries a path, in each direction, as an argument of the client and as a word of a raw
 * command. It must not read, write, replace, move or delete anything outside.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, putFiles, said, variants } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  me.link('../private', 'public/door');
  putFiles(mallory.folder, { 'tree/diary.txt': 'evil\n', 'tree/other.txt': 'evil\n' });
});

afterAll(() => me.remove());

/** With `D` for an outside folder and `F` for a file in one. */
const options = [
  ...['--backup-dir=D', '--partial-dir=D', '--temp-dir=D', '-T D', '-TD', '--suffix=/../D/x'],
  ...['--link-dest=D', '--copy-dest=D', '--compare-dest=D'],
  ...['--log-file=F', '--log-file=F --log-file-format=%f', '--files-from=F', '--exclude-from=F'],
  ...['--include-from=F', '--filter=merge,F', '--password-file=F', '--early-input=F'],
  ...['--write-batch=F', '--only-write-batch=F', '--read-batch=F', '--config=F', '--motd=F'],
  ...['--confine-root=D', '--chown=root', '--rsh=D/x', '--copy-as=root', '--dparam=logfile=F'],
];

test.each(variants(options))('%s reads and writes nothing outside', async (option) => {
  const before = me.outsideState();
  const places = [me.outside, '../private', 'door'];
  for (const place of places) {
    const words = option.replace('D', place).replace('F', `${place}/diary.txt`).split(' ');
    const push = ['-abI', ...words.map((word) => `-M${word}`), 'tree/', `${mallory.target}:`];
    const pull = ['-a', ...words.map((word) => `-M${word}`), `${mallory.target}:`, 'got/'];
    for (const args of place.startsWith('.') ? [push] : [push, pull]) {
      expect(said(await mallory.rsync(args))).not.toContain(me.secret);
    }
  }
  expect(me.outsideState()).toEqual(before);
  expect(findText(mallory.folder, me.secret)).toEqual([]);
  expect(findText(me.share, me.secret)).toEqual([]);
});

test('an old file that a partial transfer would build on stays, in and out of the share', async () => {
  // rsync removes the file it found in the partial folder once the transfer is whole.
  me.write('public/docs/other.txt', 'precious\n');
  for (const folder of ['/docs', 'docs', 'door', '/door']) {
    const place = `${mallory.target}:`;
    await mallory.rsync(['-aI', '--no-W', `--partial-dir=${folder}`, 'tree/other.txt', place]);
  }
  const kept = join(me.share, 'docs/other.txt');
  expect(existsSync(kept) && readFileSync(kept, 'utf8')).toBe('precious\n');
});

test('the control: places within the share work for the options that are allowed', async () => {
  const send = ['-abI', '--no-W', 'tree/', `${mallory.target}:ok/`];
  expect(await mallory.rsync(send)).toMatchObject({ stderr: '', exitCode: 0 });
  for (const option of ['--backup-dir=/old', '--backup-dir=old', '--partial-dir=.part']) {
    const sent = await mallory.rsync(['-M--mkpath', option, ...send]);
    expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  }
  expect(readFileSync(join(me.share, 'old/diary.txt'), 'utf8')).toBe('evil\n');
  expect(readFileSync(join(me.share, 'ok/old/diary.txt'), 'utf8')).toBe('evil\n');
});
