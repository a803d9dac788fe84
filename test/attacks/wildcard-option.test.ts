/**
 * The attacker has a key that may send and fetch. It puts files into the share whose names are
 * options of rsync or of a shell, and fetches with wildcards that bring those names into a command.
 * It also spells `..` as a pattern. No name may become an option, and no pattern may climb.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, findText, listTree, putFiles, said } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

const names = [
  '--log-file=x',
  '--daemon',
  '--remove-source-files',
  '--files-from=list',
  '-e sh',
  '-vvv',
  '-',
  '--',
  '=x',
  '?y',
  '[z]',
  '*',
  '$HOME',
  '~',
  'a\\b',
  'list',
].sort();

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  putFiles(join(mallory.folder, 'names'), Object.fromEntries(names.map((name) => [name, 'x'])));
  mkdirSync(join(mallory.folder, 'names/sub'));
  const sent = await mallory.rsync(['-a', 'names/', `${mallory.target}:`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
});

afterAll(() => me.remove());

test.each(['-a', '-as', '-a --old-args'])(
  'with %s a wildcard that brings in options brings in files',
  async (options) => {
    const before = me.listShare();
    const got = `got${options.replaceAll(' ', '')}`;
    const fetched = await mallory.rsync([...options.split(' '), `${mallory.target}:*`, `${got}/`]);
    expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
    expect(listTree(join(mallory.folder, got))).toEqual([...names, 'sub'].sort());
    expect(me.listShare()).toEqual(before);
  },
);

test.each(['--log-file=*', '--d*', '-e*', '-*', '--', '[-]*'])(
  'the pattern %s names files and no options',
  async (pattern) => {
    const before = me.listShare();
    for (const options of ['-a', '-as']) {
      const fetched = await mallory.rsync([options, `${mallory.target}:${pattern}`, 'dash/']);
      expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
    }
    expect(me.listShare()).toEqual(before);
  },
);

test.each(['.*', '.*/', '.*/private/*', '.[.]/*', '.?', 'sub/.*/.*/*', '.[!x]/private/diary.txt'])(
  'the pattern %s does not climb',
  async (pattern) => {
    for (const options of ['-aL', '-asR']) {
      const up = `up-${process.hrtime.bigint()}`;
      const result = await mallory.rsync([options, `${mallory.target}:${pattern}`, `${up}/`]);
      expect(said(result)).not.toContain(me.secret);
      // What `..` would bring is what lies beside the share, on the machine or in the sandbox.
      const brought = listTree(join(mallory.folder, up)).map((name) => name.split('/')[0]);
      expect(brought.filter((name) => name !== 'sub' && !names.includes(name ?? ''))).toEqual([]);
    }
  },
);

test('the control: an escaped wildcard is a name, and without pysync a pattern climbs', async () => {
  const one = await mallory.rsync(['-a', `${mallory.target}:\\*`, 'star/']);
  expect(one).toMatchObject({ stderr: '', exitCode: 0 });
  expect(listTree(join(mallory.folder, 'star'))).toEqual(['*']);
  await trusted.rsync(['-a', `${trusted.target}:public/../private/d*`, 'got/']);
  expect(findText(trusted.folder, me.secret)).toEqual(['got/diary.txt']);
});
