/**
 * The attacker has a key that may fetch and not send. It pushes, asks to remove what it fetches,
 * and has the sending side write logs, partial files and batches. Nothing in the share may change.
 */
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles, said } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory', '--access', 'read-only');
  me.write('public/hello.txt', 'hello\n');
  me.write('public/folder/deep.txt', 'deep\n');
  putFiles(mallory.folder, { 'evil.txt': 'evil\n', 'hello.txt': 'evil\n', 'tree/x': 'x' });
});

afterAll(() => me.remove());

/** Every entry with its mode, date and content. */
const state = (): string[] =>
  ['.', ...me.listShare()].map((name) => {
    const path = join(me.share, name);
    const { mode, mtimeMs, ctimeMs } = lstatSync(path);
    const content = lstatSync(path).isFile() ? readFileSync(path, 'utf8') : '';
    return [name, mode, mtimeMs, ctimeMs, content].join(' ');
  });

test.each(['-a', '-as', '-aI --inplace', '-a --append', '-n', '-a --delete', '-rd --mkpath'])(
  'a push with %s changes nothing',
  async (options) => {
    const before = state();
    for (const place of ['', 'hello.txt', 'folder/', 'new/']) {
      const target = `${mallory.target}:${place}`;
      const sent = await mallory.rsync([...options.split(' '), 'hello.txt', 'tree', target]);
      expect(said(sent)).toContain('this key may fetch files, not send them');
    }
    expect(state()).toEqual(before);
  },
);

test.each([
  '-a --remove-source-files',
  '-M--remove-source-files -a',
  '-M--remove-sent-files -a',
  '-M--log-file=log -a',
  '-M--partial-dir=part -M--temp-dir=/ -a',
  '-M--write-batch=batch -a',
  '-M--delete -M--force -a',
  '-M--backup -M--backup-dir=old -M--inplace -a',
])('a pull with %s changes nothing', async (options) => {
  const before = state();
  await mallory.rsync([...options.split(' '), `${mallory.target}:`, 'got/']);
  expect(state()).toEqual(before);
});

test('a raw command cannot say both', async () => {
  const before = state();
  for (const command of [
    'rsync --server --no-sender -vlogDtpre.iLsfxCIvu . .',
    'rsync --server -vlogDtpre.iLsfxCIvu --sender . .',
    'rsync --server --sender --no-sender -vlogDtpre.iLsfxCIvu . .',
    'rsync --server --sender --server -vlogDtpre.iLsfxCIvu . .',
    'rsync --server --sender -vlogDtpre.iLsfxCIvu . -- --daemon',
  ]) {
    const result = await mallory.ssh([command], { input: '\u001f\0\0\0' });
    expect(result.exitCode).not.toBe(0);
  }
  expect(state()).toEqual(before);
});

test('the control: the key may fetch', async () => {
  const fetched = await mallory.rsync(['-a', `${mallory.target}:`, 'all/']);
  expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
  expect(readFileSync(join(mallory.folder, 'all/folder/deep.txt'), 'utf8')).toBe('deep\n');
});
