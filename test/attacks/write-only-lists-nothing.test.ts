/**
 * The attacker has a key that may send and not fetch, and knows the name of a file in the share. It
 * asks for lists and files, lets a push tell what is there, and has the receiver send it checksums
 * of blocks so small that they are the content. It must not get a name it does not know, nor the
 * content of any file.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExecResult } from '../helpers/exec.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import {
  createReceiver,
  findText,
  listTree,
  putFiles,
  said,
  variants,
} from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let reader: Peer;
const content = 'what mallory must not read';

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory', '--access', 'write-only');
  reader = await me.letIn('--name', 'reader');
  me.write('public/known.txt', content);
  me.write(`public/${me.secret}.txt`, 'unknown\n');
  me.write(`public/folder/${me.secret}.txt`, 'unknown\n');
  for (const { folder } of [mallory, reader]) {
    putFiles(folder, { 'guess/known.txt': 'x', [`similar/${me.secret.slice(0, -1)}.txt`]: 'x' });
    mkdirSync(join(folder, 'empty'));
  }
});

afterAll(() => me.remove());

/** The bytes of the file there, where the receiver sends a checksum for each of them. */
function fromChecksums({ stdout }: ExecResult): string {
  const sums = [...stdout.matchAll(/^chunk\[\d+\] len=1 .*sum1=[0-9a-f]{6}([0-9a-f]{2})/gm)];
  return String.fromCharCode(...sums.map(([, byte = '']) => parseInt(byte, 16)));
}

const probe = ['-aI', '--no-W', '-B1', '--debug=deltasum3', 'guess/known.txt'];

test.each([
  ['-a', ''],
  ['-a', 'known.txt'],
  ['-r --list-only', ''],
  ['-rs', ''],
  ['-rn', '*'],
  ['-avR', 'folder/'],
])('a pull with %s of "%s" brings nothing', async (options, place) => {
  const source = `${mallory.target}:${place}`;
  const result = await mallory.rsync([...options.split(' '), source, 'got/']);
  expect(said(result)).toContain('this key may send files, not fetch or list them');
  expect(listTree(join(mallory.folder, 'got'))).toEqual([]);
});

test.each(
  variants([
    '-n --delete',
    '-n --delete-excluded --exclude=*',
    '-vvvv',
    '-vvvv --fuzzy --no-W',
    '-nvv --existing --itemize-changes',
    '-ab --backup-dir=/old -vv',
    '-M--list-only -v',
    '-M--stats -M--info=all4',
    '-M--debug=all4',
  ]),
)('a push with %s tells no name', async (options) => {
  for (const source of ['empty/', 'similar/']) {
    for (const place of ['', 'folder/']) {
      const words = ['-rv', ...options.split(' '), source, `${mallory.target}:${place}`];
      expect(said(await mallory.rsync(words))).not.toContain(me.secret);
    }
  }
});

test('permission to delete, which would give names away, cannot be combined with write-only', async () => {
  const eve = await me.letIn('--name', 'eve', '--access', 'write-only');
  const again = ['-i', eve.publicKey, '--access', 'write-only', '--allow-delete'];
  expect(await me.account.pysync(again)).toMatchObject({ exitCode: 2 });
  // Nor by a line that was edited by hand.
  const keys = join(me.account.home, '.ssh/authorized_keys');
  const line = readFileSync(keys, 'utf8').replace(
    /(--peer eve .* write-only)/,
    '$1 --allow-delete',
  );
  expect(line).toContain('--allow-delete');
  writeFileSync(keys, line);
  mkdirSync(join(eve.folder, 'empty'));
  const result = await eve.rsync(['-rnv', '--delete', 'empty/', `${eve.target}:folder/`]);
  expect(said(result)).toContain('--delete is not allowed');
  expect(said(result)).not.toContain(me.secret);
});

test('the checksums of a push do not give the content away', async () => {
  const told = fromChecksums(await mallory.rsync([...probe, `${mallory.target}:`]));
  expect(told).not.toBe(content);
  expect(told).toBe('');
});

test('the redo of a file that was appended to wrongly does not give the content away', async () => {
  me.write('public/known.txt', content);
  const told: string[] = [];
  for (const wrong of ['?', `${content.slice(0, 4)}?`]) {
    putFiles(mallory.folder, { 'guess/known.txt': wrong.padEnd(content.length + 40, 'x') });
    for (const append of ['--append-verify', '--append', '--inplace']) {
      const words = ['-aI', append, '--no-W', '-B1', '--debug=deltasum4', 'guess/known.txt'];
      told.push(fromChecksums(await mallory.rsync([...words, `${mallory.target}:`])));
      me.write('public/known.txt', content);
    }
  }
  expect(told.join('')).toBe('');
});

test('nothing that a push does tells what is there: not its name, its date, nor that it is there', async () => {
  me.write('public/there/known.txt', 'the same\n');
  const answers = async (place: string): Promise<string[]> => {
    const told: string[] = [];
    for (const options of [
      ...['-ai', '-aiu', '-aiI', '-aic', '-ani', '-ai --existing', '-ai --ignore-existing', '-aib'],
      ...['-ai --size-only', '-aiy', '-aivv', '-ai --link-dest=/there', '-ai --copy-dest=/there'],
      ...['-ai --append', '-ai --inplace', '-ai --partial-dir=/there', '-ai --max-size=1k'],
    ]) {
      putFiles(mallory.folder, { 'same/known.txt': 'the same\n' });
      const target = `${mallory.target}:${place}`;
      const words = [...options.split(' '), '--info=stats0', 'same/known.txt', target];
      const { stdout, stderr, exitCode } = await mallory.rsync(words);
      told.push(
        [options, stdout, stderr, String(exitCode)].join('|').replaceAll(/there|where/g, 'PLACE'),
      );
    }
    return told;
  };
  const there = await answers('there/');
  const away = await answers('where/');
  expect(there).toEqual(away);
  expect(there.join()).toContain('known.txt');
});

test('a file that the share has already is not copied to where the attacker could have put it', async () => {
  me.write('public/known.txt', content);
  await mallory.rsync(['-a', '--copy-dest=/', 'guess/known.txt', `${mallory.target}:copied/`]);
  expect(findText(mallory.folder, content)).toEqual([]);
});

test('the control: the key may send, and one that may fetch sees all of it', async () => {
  const sent = await mallory.rsync(['-a', 'guess/known.txt', `${mallory.target}:new.txt`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  expect(me.listShare()).toContain('new.txt');
  me.write('public/known.txt', content);
  expect(fromChecksums(await reader.rsync([...probe, `${reader.target}:`]))).toBe(content);
  const list = await reader.rsync(['-r', '--list-only', `${reader.target}:`]);
  expect(list.stdout).toContain(me.secret);
});
