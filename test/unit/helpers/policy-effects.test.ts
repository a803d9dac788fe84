/** The judge of attacks/policy-properties.test.ts: what it must see, and what it must let pass. */
import { expect, test } from 'vitest';
import type { Command, Key } from '../../helpers/policy-commands.js';
import { findings, strangeNames } from '../../helpers/policy-effects.js';
import type { Run } from '../../helpers/policy-effects.js';
import type { Seen, State } from '../../helpers/policy-state.js';
import type { Tree } from '../../helpers/policy-tree.js';
import { contentOf } from '../../helpers/policy-tree.js';

const token = 'token';

/** A share: texts are files, `->` in front makes a link, and a slash at the end of a name a folder. */
function state(entries: Readonly<Record<string, string>>, attributes = ''): State {
  const all = Object.entries({ '': '', ...entries });
  return new Map(
    all.map(([name, text], inode): [string, Seen] => {
      const isFolder = name === '' || name.endsWith('/');
      const kind = isFolder ? 'folder' : text.startsWith('->') ? 'link' : 'file';
      const content = text.replace(/^->/, '');
      const seen = { kind, content, mode: '1:1 644', inode, time: 5, attributes } as const;
      return [name.replace(/\/$/, ''), seen];
    }),
  );
}

const others = { 'docs/': '', 'docs/a': token, 'x/': '', 'x/l': '->../docs', b: token };
const tree: Tree = [{ path: 'a', kind: 'file', size: 9, mode: 0o644, time: 1 }];
const sent = contentOf('a', 9, 'sent');

function run(key: Key, command: Partial<Command>, after: State, more: Partial<Run> = {}): Run {
  const whole = { pull: false, options: ['-a'], sources: ['./'], place: '', list: [], ...command };
  const before = state(others);
  return {
    step: { key, command: whole, tree, text: 'sent' },
    earlier: [],
    first: before,
    before,
    after,
    status: 0,
    told: '',
    share: '/home/me/public',
    began: 10,
    ...more,
  };
}

const kinds = (each: Run): string[] =>
  findings(each, token).map((text) => text.split(':')[0] ?? '');
const without = (...names: string[]): State =>
  state(Object.fromEntries(Object.entries(others).filter(([name]) => !names.includes(name))));

test('a new file, and one in place of a file of the same path, pass', () => {
  expect(findings(run('read-write', {}, state({ ...others, a: sent })), token)).toEqual([]);
  const into = { place: 'x/l/' };
  expect(findings(run('write-only', into, state({ ...others, 'docs/a': sent })), token)).toEqual(
    [],
  );
});

test('what is gone, is something else or has other content is seen', () => {
  expect(kinds(run('read-write', {}, without('b')))).toEqual(['gone']);
  expect(kinds(run('read-write', {}, state({ ...others, 'docs/a': sent })))).toEqual(['changed']);
  expect(kinds(run('read-write', {}, state({ ...others, b: '->docs/a' })))).toEqual(['changed']);
  const file = state({ 'x/': '', 'x/l': '->../docs', b: token, docs: sent });
  expect(kinds(run('read-write', {}, file))).toEqual(['folder gone', 'gone']);
});

test('deleting is seen outside the place that was named, at the top and without leave', () => {
  const command = { options: ['-r', '--delete'], place: 'docs/' };
  expect(kinds(run('deleting', command, without('docs/a')))).toEqual([]);
  expect(kinds(run('deleting', { ...command, place: 'x/l/' }, without('docs/a')))).toEqual([]);
  expect(kinds(run('deleting', { ...command, place: 'x/' }, without('docs/a')))).toEqual(['gone']);
  expect(kinds(run('deleting', { ...command, place: '' }, without('docs/a')))).toEqual(['gone']);
  expect(kinds(run('read-write', command, without('docs/a')))).toEqual(['gone']);
  expect(kinds(run('deleting', { ...command, options: ['-r'] }, without('docs/a')))).toEqual([
    'gone',
  ]);
});

test('a pull that removes what it fetches may not do so at the top', () => {
  const pull = { pull: true, options: ['-r', '--remove-source-files'], sources: [''] };
  expect(kinds(run('deleting', pull, without('docs/a')))).toEqual([]);
  expect(kinds(run('deleting', pull, without('b')))).toEqual(['gone']);
  expect(kinds(run('read-write', pull, without('docs/a')))).toEqual([
    'changed without leave to write',
  ]);
});

test('a part under the name of a file is seen, where it was not to be written in place', () => {
  const part = state({ ...others, a: sent.slice(0, 4) });
  expect(kinds(run('read-write', {}, part))).toEqual(['not whole']);
  expect(kinds(run('read-write', { options: ['--inplace'] }, part))).toEqual([]);
  expect(kinds(run('write-only', { options: ['--inplace'] }, part))).toEqual(['not whole']);
});

test('attributes of folders of others and of the top are seen', () => {
  const after = state({ ...others, a: sent }, 'user.drawn');
  const seen = kinds(run('read-write', {}, after));
  expect(seen).toContain('folder attributes');
  expect(seen).toContain('top attributes');
  const dated = new Map(state(others)).set('', { ...state({}).get('')!, time: 7 });
  expect(kinds(run('read-write', {}, dated))).toEqual(['top time']);
});

test('names, content and checksums that are told to a key that may only send are seen', () => {
  const told = { told: `x ${token} x` };
  expect(kinds(run('write-only', {}, state(others), told))).toEqual(['told names or content']);
  expect(kinds(run('read-write', {}, state(others), told))).toEqual([]);
  const sums = Array.from(token, (letter, i) => {
    const byte = letter.charCodeAt(0).toString(16);
    return `chunk[${i}] len=1 offset=${i} sum1=000000${byte}`;
  });
  const debug = { told: sums.join('\n') };
  expect(kinds(run('write-only', {}, state(others), debug))).toEqual(['told content by checksums']);
});

test.each([
  ['by its text', { out: '->../private' }],
  ['through another link', { out: '->x/l/../../private' }],
  ['with an absolute target', { out: '->/etc' }],
  ['through a folder that is a link', { 'x/m/': '', 'x/m/out': '->../../../private' }],
])('a link that leads out %s is seen', (_how, links) => {
  expect(kinds(run('read-write', {}, state({ ...others, ...links })))).toEqual(['link out']);
});

test('links within the share and those that led out before pass', () => {
  const within = state({ ...others, in: '->x/l/../b', 'x/up': '->..', 'x/a': '->../b' });
  expect(kinds(run('read-write', {}, within))).toEqual([]);
  const old = state({ ...others, door: '->../private' });
  expect(kinds(run('read-write', {}, old, { before: old, first: old }))).toEqual([]);
});

test('links that lead round in a circle lead nowhere', () => {
  const relative = { c: '->d', d: '->c', e: '->e/e' };
  expect(kinds(run('read-write', {}, state({ ...others, ...relative })))).toEqual([]);
  const before = state({ ...others, ...relative, a: '->/share/a' });
  expect(kinds(run('read-write', { place: 'a/' }, before, { before, first: before }))).toEqual([]);
});

test('names that nobody gave are seen, and backups beside their file pass', () => {
  const after = state({ ...others, '.a.X1y2z3': sent, 'b~': token, '.~tmp~/': '' });
  expect(strangeNames(run('read-write', { options: ['-b'] }, after))).toEqual([
    '.a.X1y2z3',
    '.~tmp~',
  ]);
});

test('what a session that ended well left in its own folder is seen', () => {
  const after = state({ ...others, '.pysync/': '', '.pysync/1/': '', '.pysync/1/a': sent });
  expect(kinds(run('read-write', {}, after))).toEqual(['left behind']);
  expect(kinds(run('read-write', {}, after, { status: 12 }))).toEqual([]);
});
