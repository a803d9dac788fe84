/**
 * The attacker has a key that may send and fetch. Its filter rules travel inside rsync's protocol,
 * where no check of the command sees them, and make the receiving rsync read rules from files: by a
 * climbing or absolute name, or by a file in the share that merges another. It must not learn what
 * a file outside says, neither by messages nor by watching which of its own files vanish.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, said } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  // The outside file hides exactly the file that the attacker watches.
  me.write('private/rules', '- watched.txt\n');
  // rsync looks for such a file in the folders above what is sent, as far as the name climbs.
  me.write('rules', '- watched.txt\n');
  me.write('names', 'watched.txt\n');
  me.write('public/watched.txt', 'watched\n');
  me.write('public/sub/watched.txt', 'watched\n');
  me.link('../private/rules', 'public/linked-rules');
  me.link(join(me.outside, 'rules'), 'public/sub/linked-rules');
  me.write('public/merging1', `merge ${me.outside}/rules\n`);
  me.write('public/merging2', `merge ${me.outside}/ruler\n`);
  me.write('public/own-rules', '- watched.txt\n');
});

afterAll(() => me.remove());

/** What arrives of the watched files with these filter rules. */
async function watched(peer: Peer, folder: string, ...rules: string[]): Promise<string[]> {
  const target = `got-${process.hrtime.bigint()}`;
  const filters = rules.map((rule) => `--filter=${rule}`);
  const result = await peer.rsync(['-r', ...filters, `${peer.target}:${folder}`, `${target}/`]);
  expect(said(result)).not.toContain(me.secret);
  const names = readdirSync(join(peer.folder, target), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.includes('watched')).sort();
}

test.each([
  ':s ../rules',
  ': ../rules',
  ':-s ../names',
  ': HOME/rules',
  ':-s HOME/names',
  ':s ../private/rules',
  ':- ../private/rules',
  ':-s ../x/../private/rules',
  ': /../private/rules',
  ': OUTSIDE/rules',
  ':s /proc/self/root/OUTSIDE/rules',
  ': linked-rules',
])('the rule "%s" reads nothing from outside', async (rule) => {
  const text = rule.replace('OUTSIDE', me.outside).replace('HOME', me.account.home);
  for (const folder of ['', 'sub/']) {
    const found = await watched(mallory, folder, text);
    expect(found).toContain('watched.txt');
  }
});

test.each([': /etc/passwd', ':- ../private/diary.txt', ':s /proc/self/status', ':C /etc/shadow'])(
  'the rule "%s" tells no line of the file',
  async (rule) => {
    const result = await mallory.rsync(['-rvv', `--filter=${rule}`, `${mallory.target}:`, 'told/']);
    expect(said(result)).not.toMatch(new RegExp(`root:|Name:|${me.secret}`));
  },
);

test('a rules file in the share that merges an outside one acts as if that were missing', async () => {
  const outcome = async (rules: string): Promise<string> => {
    const words = ['-r', `--filter=: ${rules}`, `${mallory.target}:`, `got-${rules}/`];
    return said(await mallory.rsync(words)).replace(/merging\d/g, 'NAME');
  };
  expect(await outcome('merging1')).toBe(await outcome('merging2'));
});

test('rules for what a deletion spares are not read from outside either', async () => {
  const eve = await me.letIn('--name', 'eve', '--allow-delete');
  mkdirSync(join(eve.folder, 'empty'));
  /** Whether the watched file was spared, as the rules would have it. */
  const spared = async (rules: string): Promise<boolean> => {
    const watched = me.write('public/eve/watched.txt', 'watched\n');
    const options = ['-r', '--delete', `--filter=: ${rules}`];
    await eve.rsync([...options, 'empty/', `${eve.target}:eve/`]);
    return existsSync(watched);
  };
  me.write('public/eve/own-rules', '- watched.txt\n- own-rules\n');
  expect(await spared('own-rules')).toBe(true);
  for (const rules of [`${me.account.home}/rules`, '../../rules', '../linked-rules']) {
    expect(await spared(rules), rules).toBe(false);
  }
});

test('the control: a rules file in the share hides it, and without pysync the outside one does', async () => {
  expect(await watched(mallory, '')).toEqual(['sub/watched.txt', 'watched.txt']);
  expect(await watched(mallory, '', ': own-rules')).toEqual([]);
  expect(await watched(trusted, 'public/', ':s ../rules')).toEqual([]);
  expect(await watched(trusted, 'public/', `:-s ${me.account.home}/names`)).toEqual([]);
  expect(await watched(trusted, 'public/', ': merging1')).toEqual([]);
});
