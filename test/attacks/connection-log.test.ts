/**
 * The attacker has a key that may send and fetch. It wants to read the log of its connection, which
 * has the real path of the share, or to put something else into it: by names with
 * line breaks and escape sequences, by messages inside the protocol, by options that switch logging
 * off or elsewhere, by cutting the connection. The log must say what happened and nothing else.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../helpers/tmp.js';
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
const forged = 'x\npysync-end 0\n2030/01/01 00:00:00 [2] recv 1 1 forged\r\u001b[2Kred\u202e';

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  putFiles(mallory.folder, { 'a.txt': 'a\n', [`names/${forged.replaceAll('/', '-')}`]: 'x' });
  me.write('public/hello.txt', 'hello\n');
  me.write('public/list', 'hello.txt\n');
  me.link('/log', 'public/links/log');
  me.link('../../log', 'public/links/climb');
});

afterAll(() => me.remove());

/** The log of the connection that `work` makes, once it has ended. */
async function logOf(work: () => Promise<unknown>): Promise<string> {
  const before = new Set(me.logs());
  await work();
  return waitFor('the log', () => me.logs().find((log) => !before.has(log)));
}

/** The header, lines of rsync's, and one line at the end: nothing of another form. */
function expectWhole(log: string): void {
  const [header = '', ...lines] = log.trimEnd().split('\n');
  expect(JSON.parse(header)).toMatchObject({ version: 1, peer: 'mallory', share: me.share });
  const end = lines.pop();
  expect(end).toMatch(/^pysync-(end \d+|refused ".*")$/);
  for (const line of lines) {
    expect(line).toMatch(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[\d+\] /);
    expect(line).not.toMatch(/^2030/);
  }
  expect(log.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
}

test.each(['-a', '-a8', '-a -M-8', '-avvv', '-a --iconv=utf-8,latin1', '-as'])(
  'names with line breaks and escape sequences, sent with %s, forge nothing',
  async (options) => {
    for (const args of [
      ['names/', `${mallory.target}:names/`],
      [`${mallory.target}:names/`, 'got/'],
    ]) {
      expectWhole(await logOf(() => mallory.rsync(['-I', ...options.split(' '), ...args])));
    }
  },
);

test('line breaks in the command, in what is refused and in the words of -s forge nothing', async () => {
  const words = ['rsync', '-vr', '.', forged].join('\0') + '\0\0';
  for (const work of [
    () => mallory.ssh([forged]),
    () => mallory.ssh([`rsync --server -vr . '${forged}'`]),
    () => mallory.ssh([`rsync --server --${forged.replaceAll(' ', '')} . .`]),
    () => mallory.ssh(['rsync --server -se.Lsf'], { input: words }),
  ]) {
    expectWhole(await logOf(work));
  }
});

test.each([1, 2, 3, 4, 5, 6, 8])(
  'a message of kind %i inside the protocol forges nothing',
  async (kind) => {
    const data = Buffer.from(forged);
    const head = Buffer.alloc(4);
    head.writeUInt32LE((7 + kind) * 0x1000000 + data.length);
    // Protocol 30, and at once a message instead of the list of files.
    const input = Buffer.concat([Buffer.from([30, 0, 0, 0]), head, data]);
    const send = (): Promise<unknown> =>
      mallory.ssh(['rsync --server -logDtpre.iLsfxC . .'], { input });
    expectWhole(await logOf(send));
  },
);

test.each(
  variants([
    '-M--quiet',
    '-M--msgs2stderr',
    '-M--stderr=all',
    '-M--stderr=client',
    '-M--info=none',
    '-M--log-format=x',
    '-M--out-format=',
    '-M--no-log-file',
    '-M--log-file=',
    '-M--log-file-format=',
    '-M-q',
    '--fuzzy --delay-updates',
    '-s',
  ]),
)('with %s a transfer that works is in the log', async (options) => {
  for (const args of [
    ['a.txt', `${mallory.target}:`],
    [`${mallory.target}:hello.txt`, 'got/'],
  ]) {
    const codes: number[] = [];
    const log = await logOf(async () => {
      codes.push((await mallory.rsync(['-aI', ...options.split(' '), ...args])).exitCode);
    });
    expectWhole(log);
    if (codes.includes(0))
      expect(log).toMatch(args[0] === 'a.txt' ? /recv 2 \d+ a\.txt/ : /send 6 \d+ hello/);
  }
});

test('a transfer by a list in the share is in the log, and nothing gives the log’s name away', async () => {
  let result = '';
  const log = await logOf(async () => {
    const words = ['-aI', '--files-from=:list', `${mallory.target}:`, 'got/'];
    result = said(await mallory.rsync(words));
  });
  expect(log).toMatch(/send 6 \d+ hello\.txt/);
  expect(result).toBe('');
});

test('no link and no path lists the log or reads it', async () => {
  for (const source of ['links/log/', 'links/climb/', 'links/log/*', '/log/', '../log/']) {
    for (const options of ['-rLvvv', '-rksvvv']) {
      const result = await mallory.rsync([options, `${mallory.target}:${source}`, 'log/']);
      expect(said(result)).not.toMatch(/\d{8}T\d{6}Z/);
    }
  }
  expect(listTree(join(mallory.folder, 'log'))).toEqual([]);
  expect(findText(mallory.folder, '"version":1')).toEqual([]);
});

test('a connection that is cut off has a whole log that does not say it went well', async () => {
  putFiles(mallory.folder, { 'big.bin': Buffer.alloc(8 << 20, 'x') });
  const cut = new AbortController();
  const log = await logOf(async () => {
    const words = ['-a', '--bwlimit=1M', 'big.bin', `${mallory.target}:`];
    const push = mallory.rsync(words, { signal: cut.signal });
    await waitFor('a part', () => me.listShare().some((name) => name.includes('/big.bin.')));
    cut.abort();
    await push;
  });
  expectWhole(log);
  expect(log).not.toMatch(/pysync-end 0$/m);
});

test('the control: the log of an ordinary push says who, from where, what, and how it went', async () => {
  const push = (): Promise<unknown> => mallory.rsync(['-aI', 'a.txt', `${mallory.target}:`]);
  const log = await logOf(push);
  expectWhole(log);
  expect(log).toContain('"address":"127.0.0.1","direction":"push"');
  expect(log).toMatch(/ recv 2 \d+ a\.txt\n[^]*pysync-end 0\n$/);
});
