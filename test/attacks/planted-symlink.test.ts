/**
 * The attacker has a key that may send and fetch, and finds links in the share that lead out of it:
 * the receiver made them, long ago. It fetches and sends through them with every option that
 * follows links. It must not get what they lead to, nor change it. Nor may it leave links of its
 * own behind that lead out: they do nothing in the sandbox, but the receiver's programs follow them.
 */
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
let there: string;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  there = `${mallory.target}:`;
  me.write('public/hello.txt', 'hello\n');
  me.link('hello.txt', 'public/inside');
  putFiles(mallory.folder, { 'evil.txt': 'evil\n', 'tree/door/diary.txt': 'evil\n' });
});

afterAll(() => me.remove());

let planted = 0;

/** The receiver makes links to the outside, in a new folder of the share: here is its name. */
function plantLinks(): string {
  planted += 1;
  const folder = `mine/${planted}`;
  me.link('../../../private', `public/${folder}/door`);
  me.link('../../../private/diary.txt', `public/${folder}/diary`);
  me.link(me.outside, `public/${folder}/absolute`);
  return folder;
}

/** Links of this name in the share that lead out of it. */
function linksOut(linkName: string): string[] {
  return listTree(me.share).filter((name) => {
    const path = join(me.share, name);
    if (!basename(path).startsWith(linkName) || !lstatSync(path).isSymbolicLink()) return false;
    const target = resolve(realpathSync(dirname(path)), readlinkSync(path));
    return target !== me.share && !target.startsWith(`${me.share}/`);
  });
}

/** Sends a link with the name `path`, among folders that make its target look harmless. */
async function sendLink(path: string, target: string, ...options: string[]): Promise<string> {
  const tree = join(mallory.folder, `links-${process.hrtime.bigint()}`);
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  symlinkSync(target, join(tree, path));
  return said(await mallory.rsync(['-a', ...options, `${tree}/`, there]));
}

test.each(variants(['-a', '-aL', '-ak', '-a --copy-unsafe-links', '-aLR', '-asL']))(
  'a pull with %s brings nothing from behind a link',
  async (options) => {
    const folder = plantLinks();
    for (const source of ['', 'door/', '*/*', 'diary', 'absolute/.']) {
      const place = `${there}${folder}/${source}`;
      const result = await mallory.rsync([...options.split(' '), place, 'got/']);
      expect(said(result)).not.toContain(me.secret);
    }
    expect(findText(mallory.folder, me.secret)).toEqual([]);
  },
);

test.each(
  variants(['-a', '-aK', '-a --inplace', '-a --append', '-ab', '-a --partial-dir=door', '-as']),
)('a push with %s changes nothing behind a link', async (options) => {
  const folder = plantLinks();
  const before = me.outsideState();
  for (const place of ['door/', 'absolute/diary.txt', 'door/new.txt', 'diary']) {
    const target = `${there}${folder}/${place}`;
    await mallory.rsync([...options.split(' '), 'evil.txt', target]);
  }
  await mallory.rsync([...options.split(' '), 'tree/', `${there}${folder}/`]);
  expect(me.outsideState()).toEqual(before);
});

test('links that lead out are not stored, absolute or climbing', async () => {
  await sendLink('a/out-absolute', me.outside);
  await sendLink('a/out-climbs', '../../private');
  await sendLink('a/out-hidden', 'b/../../../private');
  expect(linksOut('out')).toEqual([]);
});

test('a link cannot be made to lead out by a backup that moves it to the top', async () => {
  await sendLink('b/c/moved', '../../private');
  putFiles(mallory.folder, { 'plain/moved': 'no link\n' });
  await mallory.rsync(['-ab', '--backup-dir=/', 'plain/', `${there}b/c/`]);
  await mallory.rsync(['-ab', '--backup-dir=/', '--suffix=.old', 'plain/', `${there}b/c/`]);
  expect(linksOut('moved')).toEqual([]);
});

test('a link cannot be made to lead out by sending it through a linked folder with -K', async () => {
  await sendLink('d/up', '../.');
  await sendLink('d/up/kept', '../../private', '-K');
  expect(linksOut('kept')).toEqual([]);
});

test('a link cannot be made to lead out by sending it through a linked folder with -R', async () => {
  await sendLink('e/up', '../.');
  const tree = join(mallory.folder, 'relative');
  mkdirSync(join(tree, 'e/up'), { recursive: true });
  symlinkSync('../../private', join(tree, 'e/up/relative'));
  await mallory.rsync(['-aR', '--no-implied-dirs', 'e/up/relative', there], { cwd: tree });
  expect(linksOut('relative')).toEqual([]);
});

test.each(variants(['-aH', '-aHI', '-aHR', '-aHb', '-lHr', '-aH --inplace', '-aH --link-dest=/']))(
  'a link that is judged deep in the tree gets no second name further up with %s',
  async (options) => {
    const tree = `hard${options.replaceAll(/\W/g, '')}`;
    mkdirSync(join(mallory.folder, tree, 'a/b/c'), { recursive: true });
    for (const [name, target] of [
      ['up', '../../.ssh'],
      ['further', '../../../private'],
      ['fine', '../kept'],
    ] as const) {
      const deep = join(mallory.folder, tree, 'a/b/c', `hard-${name}`);
      symlinkSync(target, deep);
      for (const folder of ['', 'a/', 'a/b/']) {
        linkSync(deep, join(mallory.folder, tree, `${folder}hard-zz-${name}`));
      }
    }
    for (const place of ['', 'deep/er/', `${tree}/again/`]) {
      const words = [...options.split(' '), '--mkpath', `${tree}/`, `${there}${place}`];
      await mallory.rsync(words);
      expect(linksOut('hard-')).toEqual([]);
    }
    expect(existsSync(join(me.share, 'a/b/c'))).toBe(true);
  },
);

test.each(['-a --ignore-existing', '-aR --ignore-existing', '-a --ignore-existing --existing'])(
  'a link cannot be made to lead out by sending it through a linked folder with %s',
  async (options) => {
    const name = `through${options.replaceAll(/\W/g, '')}`;
    await sendLink(`${name}/a/b/up`, '../.');
    for (const [path, target] of [
      [`${name}/a/b/up/stored`, '../../../private'],
      [`${name}/a/b/up/stored-too`, '../../../../private'],
    ] as const) {
      await sendLink(path, target, ...options.split(' '));
    }
    expect(linksOut('stored')).toEqual([]);
    expect(existsSync(join(me.share, name, 'a/b/up'))).toBe(true);
  },
);

test('the control: links within the share are stored, and followed where that is asked for', async () => {
  await sendLink('f/up', '../hello.txt');
  expect(readFileSync(join(me.share, 'f/up'), 'utf8')).toBe('hello\n');
  const result = await mallory.rsync(['-aL', `${there}inside`, 'got/']);
  expect(result).toMatchObject({ stderr: '', exitCode: 0 });
  expect(lstatSync(join(mallory.folder, 'got/inside')).isFile()).toBe(true);
  // The receiver himself gets through the links that the attacker did not.
  const door = join('public', plantLinks(), 'door');
  const { stdout } = await me.account.run(['cat', join(door, 'diary.txt')]);
  expect(stdout).toContain(me.secret);
});
