/**
 * The attacker has a key that may send and fetch, and guesses names outside the share. It compares
 * what it is told about a place that exists with what it is told about one that does not: by path,
 * by option, through a link. It must not see a difference, nor a real path of the machine in any
 * message.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExecResult } from '../helpers/exec.js';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles, said, variants } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;
let trusted: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  trusted = await me.trust();
  me.write('public/hello.txt', 'hello\n');
  me.link('../private/diary.txt', 'public/link1');
  me.link('../private/daily.txt', 'public/link2');
  me.link('../private', 'public/link3');
  me.link('../nowhere', 'public/link4');
  putFiles(mallory.folder, { 'a.txt': 'a\n' });
});

afterAll(() => me.remove());

/** What the attacker sees, without what it has named itself and what changes from run to run. */
function seen({ stdout, stderr, exitCode }: ExecResult, ...names: string[]): string {
  // The links of the share are named in every listing, and are no secret.
  let text = `${exitCode}\n${stdout}\n${stderr}`.replaceAll(/link\d/g, 'LINK');
  for (const name of names) text = text.replaceAll(name, 'NAME');
  // Whether a client that was refused still writes when the connection ends is its own timing.
  const cut =
    /^(?:rsync: .*(?:Broken pipe|unexpectedly closed).*|rsync error: .*code 1[02].*|1[02])$/gm;
  text = text.replaceAll(cut, 'CUT').replaceAll(/(?:CUT\n)+/g, 'CUT\n');
  return text.replaceAll(/[\d,.]+ bytes(\/sec)?|speedup is [\d.]+/g, 'N');
}

/** One that exists and one that does not, of the same length. */
const pairs = (): [string, string][] => [
  [`${me.outside}/diary.txt`, `${me.outside}/daily.txt`],
  ['/etc/passwd', '/etc/passwx'],
  ['../private/diary.txt', '../private/daily.txt'],
  ['link3/diary.txt', 'link4/diary.txt'],
  [`/log`, '/lug'],
];

test.each(
  variants<[string, (place: string) => string[]]>([
    ['a pull', (place) => ['-a', `T:${place}`, 'got/']],
    ['a pull that follows links', (place) => ['-aLs', `T:${place}`, 'got/']],
    ['a listing', (place) => ['-r', '--list-only', `T:${place}/`]],
    ['a push', (place) => ['-an', 'a.txt', `T:${place}/x`]],
    ['--link-dest', (place) => ['-anv', `--link-dest=${place}`, 'a.txt', 'T:']],
    ['--files-from', (place) => ['-a', `--files-from=:${place}`, 'T:', 'got/']],
    ['--temp-dir', (place) => ['-aI', `--temp-dir=${place}`, 'a.txt', 'T:']],
    ['a filter', (place) => ['-rn', `--filter=: ${place}`, 'T:', 'got/']],
  ]),
)('%s does not tell whether a place outside exists', async (_what, args) => {
  for (const [present, absent] of pairs()) {
    const ask = async (place: string): Promise<string> => {
      const words = args(place).map((word) => word.replace(/^T:/, `${mallory.target}:`));
      const names = [place, place.replace(/^\/+/, ''), place.split('/')[0] ?? place];
      return seen(await mallory.rsync(words), ...names.filter((name) => name !== ''));
    };
    expect(await ask(present), present).toBe(await ask(absent));
  }
});

test.each([
  ['-a', 'T:missing', 'got/'],
  ['-aLvvv', 'T:', 'got/'],
  ['-avvv', 'a.txt', 'T:'],
  ['-a', 'a.txt', 'T:no/such/folder/'],
  ['-a', '--link-dest=/missing', 'a.txt', 'T:'],
  ['-a', '--partial-dir=/hello.txt', 'a.txt', 'T:'],
  ['-a', '--temp-dir=missing', 'a.txt', 'T:'],
  ['-a', '--files-from=:missing', 'T:', 'got/'],
  ['-a', '--files-from=:hello.txt', 'T:', 'got/'],
  ['-a', '-M--info=all4', 'a.txt', 'T:'],
  ['-a', '-M--no-such-option', 'a.txt', 'T:'],
  ['-aR', 'T:./hello.txt/../missing', 'got/'],
  ['-a', '-M--iconv=no-such', 'a.txt', 'T:'],
  ['-a', '--checksum-choice=no-such', 'a.txt', 'T:'],
])('no message to %s %s %s names a real path', async (...words) => {
  const args = words.map((word) => word.replace('T:', `${mallory.target}:`));
  // What the client says of its own connection is not the receiver's.
  const text = said(await mallory.rsync(args)).replace(/^opening connection using.*$/m, '');
  expect(text).not.toContain(me.account.name);
  expect(text).not.toMatch(/\/home\/|\.local|\/log\/|\.log\b/);
});

test('the control: without pysync the difference and the path are told', async () => {
  const ask = async (name: string): Promise<string> =>
    seen(await trusted.rsync(['-an', `${trusted.target}:private/${name}`, 'got/']), name);
  expect(await ask('diary.txt')).not.toBe(await ask('daily.txt'));
  expect(await ask('daily.txt')).toContain(me.account.home);
  const fetched = await mallory.rsync(['-a', `${mallory.target}:hello.txt`, 'got/']);
  expect(fetched).toMatchObject({ stderr: '', exitCode: 0 });
});
