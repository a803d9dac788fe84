/**
 * The attacker has a key that may send, and not delete. rsync makes room by removing: a folder that
 * is where a backup has to go, the file behind the name of a part, what has a temporary name. So the
 * attacker has it make room where others keep their files. Nothing of others may go or change.
 */
import { existsSync, mkdirSync, readFileSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, listTree, putFiles, variants } from '../helpers/receiver.js';

let me: Receiver;
let peers: Readonly<Record<string, Peer>>;

/** What others keep, with names that rsync may want for itself. */
const others: Readonly<Record<string, string>> = {
  'docs/deep/a.txt': 'docs',
  'n~/deep/a.txt': 'backup',
  'x/n~/a.txt': 'backup in x',
  'keep/a.txt': 'keep',
  'keep/n': 'keep n',
  '.~tmp~/n': 'delayed',
  'x/.~tmp~/n': 'delayed in x',
  'p/n': 'part',
  'x/p/n': 'part in x',
  '.rsync-partial/n': 'part',
  'n.old': 'old',
  'docs.old/a.txt': 'old docs',
};

beforeAll(async () => {
  me = await createReceiver();
  peers = {
    'read-write': await me.letIn('--name', 'mallory'),
    'write-only': await me.letIn('--name', 'eve', '--access', 'write-only'),
    'allow-delete': await me.letIn('--name', 'dora', '--allow-delete'),
  };
  for (const { folder } of Object.values(peers)) {
    for (const [i, content] of ['1\n', '22\n', '333\n'].entries()) {
      putFiles(folder, { [`s${i}/n`]: content, [`s${i}/docs`]: content, [`s${i}/d/n`]: content });
      utimesSync(join(folder, `s${i}/n`), i + 1, i + 1);
    }
    mkdirSync(join(folder, 'links'));
    symlinkSync('keep', join(folder, 'links/.partial-p'));
    symlinkSync('keep', join(folder, 'links/p2'));
    symlinkSync('../keep', join(folder, 'links/.~tmp~'));
  }
});

beforeEach(() => {
  for (const [name, content] of Object.entries(others)) me.write(`public/${name}`, content);
});

afterAll(() => me.remove());

const changed = (): string[] =>
  Object.entries(others)
    .filter(([name, content]) => {
      const path = join(me.share, name);
      return !existsSync(path) || readFileSync(path, 'utf8') !== content;
    })
    .map(([name]) => name);

test.each(
  variants([
    ...[
      '--backup --backup-dir=/',
      '-b',
      '-b --suffix=.old',
      '-b --backup-dir=../',
      '-b --backup-dir=.',
    ],
    ...[
      '-b --backup-dir=/docs/..',
      '-b --backup-dir=/keep',
      '-b --suffix=/../docs',
      '-b --inplace',
    ],
    ...['-b --suffix=', '-M--backup -M--backup-dir=/', '--delay-updates', '--delay-updates -b'],
    ...['--partial-dir=p', '--partial-dir=/p', '--partial-dir=/keep', '--partial-dir=p2 -I'],
    ...['--temp-dir=/keep', '-T /p', '-T p --partial', '--partial-dir=/p --no-W -I', '-b --fuzzy'],
    ...['-M--partial-dir=/keep', '-M--delay-updates', '-b --ignore-existing', '-b -u'],
  ]),
)('%s makes no room among the files of others', async (options) => {
  for (const [policy, peer] of variants(Object.entries(peers))) {
    for (const place of ['x/', '']) {
      const target = `${peer.target}:${place}`;
      await peer.rsync(['-a', 'links/', target]);
      for (const sent of ['s0', 's1', 's2']) {
        // At the top, 'docs' is the name of a folder of others, and is left out there.
        const left = place === '' ? ['--exclude=/docs', '--exclude=/n'] : [];
        await peer.rsync(['-a', ...options.split(' '), ...left, `${sent}/`, target]);
      }
    }
    expect(changed(), policy).toEqual([]);
  }
});

test('a part that is kept, and resumed, makes no room either', async () => {
  const [mallory] = Object.values(peers);
  if (mallory === undefined) throw new Error('nobody');
  putFiles(mallory.folder, { 'big/n': Buffer.alloc(4 << 20, 'n') });
  for (const options of ['-P', '--partial-dir=p', '--partial-dir=/keep', '--delay-updates']) {
    for (const limit of ['--stop-after=0', '--bwlimit=512']) {
      const cut = AbortSignal.timeout(700);
      const words = ['-aI', limit, ...options.split(' '), 'big/n', `${mallory.target}:x/`];
      await mallory.rsync(words, { signal: cut });
    }
    await mallory.rsync(['-aI', ...options.split(' '), 'big/n', `${mallory.target}:x/`]);
    expect(changed()).toEqual([]);
    expect(readFileSync(join(me.share, 'x/n')).length).toBe(4 << 20);
  }
});

test('the control: a backup goes where the client wants it, or beside what is there', async () => {
  for (const [policy, peer] of Object.entries(peers)) {
    const place = `${peer.target}:${policy}/`;
    const send = async (sent: string, ...options: string[]): Promise<void> => {
      const result = await peer.rsync(['-a', ...options, `${sent}/n`, place]);
      expect(result).toMatchObject({ stderr: '', exitCode: 0 });
    };
    await send('s0');
    await send('s1', '-b');
    await send('s2', '-b');
    await send('s0', '-b', `--backup-dir=/${policy}-old`, '--suffix=.x');
    const read = (name: string): string => readFileSync(join(me.share, name), 'utf8');
    expect(listTree(join(me.share, policy))).toEqual(['n', 'n~', 'n~~2']);
    expect([read(`${policy}/n~`), read(`${policy}/n~~2`)]).toEqual(['1\n', '22\n']);
    expect(read(`${policy}-old/n.x`)).toBe('333\n');
    expect(read(`${policy}/n`)).toBe('1\n');
  }
});
