/**
 * The attacker has a key that may send and fetch, and a client of its own making. It wants the
 * history to show files that never came, another end than the real one, or lines that are none, and
 * puts escape sequences into names for the terminal of who reads it.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { followLog } from '../helpers/follow.js';
import { parseJson } from '../helpers/home.js';
import type { Peer } from '../helpers/peer.js';
import { createReceiver, putFiles, said } from '../helpers/receiver.js';
import type { Receiver } from '../helpers/receiver.js';
import { waitFor } from '../helpers/tmp.js';

let me: Receiver;
let mallory: Peer;
const escapes = '\u001b[2J\u001b]0;pwned\u0007\u009b31m\u202egnp.exe\u2066\u200b\u0085\r\u2028';

/** Control, format and separator characters, but for the newline at the end of each line. */
const obeyed = /[^\P{C}\n]|\p{Zl}|\p{Zp}/u;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
});

afterAll(() => me.remove());

interface Shown {
  readonly outcome: string;
  readonly fileCount: number;
  readonly files: readonly { readonly name: string }[];
}

async function last(): Promise<Shown | undefined> {
  const result = await me.account.pysync(['log', '-n', '1', '--json']);
  return (parseJson(result) as { transfers: Shown[] }).transfers[0];
}

test.each([1, 2, 3, 4, 5, 6, 8])(
  'a message of kind %i inside the protocol shows no file and no end',
  async (kind) => {
    const line = '2030/01/01 00:00:00 [2] recv 1 1 forged';
    const text = `${line}\n${line.replace('recv', ' recv')}\npysync-end 0\npysync-hook 0\npysync-cut\n`;
    const head = Buffer.alloc(4);
    head.writeUInt32LE((7 + kind) * 0x1000000 + text.length);
    // Protocol 30, and at once a message instead of the list of files.
    const input = Buffer.concat([Buffer.from([30, 0, 0, 0]), head, Buffer.from(text)]);
    await mallory.ssh(['rsync --server -logDtpre.iLsfxC . .'], { input });
    const shown = await last();
    expect(shown).toMatchObject({ fileCount: 0, files: [], complete: true, onReceived: null });
    expect(shown?.outcome).not.toBe('done');
  },
);

test('names that look like lines of a log are names', async () => {
  const forged = ['x\npysync-end 23', 'x\n2030 [2] f recv 1 1 y', '2030 [2] recv 9 9 z'];
  const names = [...forged, 'pysync-cut', '\\#012pysync-cut'];
  putFiles(mallory.folder, Object.fromEntries(names.map((name) => [`forged/${name}`, 'x'])));
  const sent = await mallory.rsync(['-a', 'forged/', `${mallory.target}:`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  const shown = await last();
  expect(shown).toMatchObject({ outcome: 'done', fileCount: 5, bytes: 5, complete: true });
  expect(shown?.files.map(({ name }) => name).sort()).toEqual(names.sort());
});

test('names with escape sequences do no harm to a terminal, listed or followed', async () => {
  const following = [followLog(me.account), followLog(me.account, '--json')];
  putFiles(mallory.folder, { [`names/${escapes}/\n${escapes}`]: Buffer.alloc(2 ** 22) });
  const push = mallory.rsync(['-a', '--bwlimit=1M', 'names/', `${mallory.target}:`]);
  await waitFor('its progress', () => following.every((one) => one.output().includes('pwned')));
  // The control: it is the name that is shown.
  const status = await waitFor('it in the status', async () => {
    const result = await me.account.pysync(['status']);
    return result.stdout.includes('\\u001b]0;pwned\\u0007') && result;
  });
  expect(said(status)).not.toMatch(obeyed);
  expect(await push).toMatchObject({ exitCode: 0 });
  await waitFor('its end', () => following.every((one) => one.output().includes('done')));
  for (const one of following) {
    await one.interrupt();
    expect(one.output()).not.toMatch(obeyed);
  }
  for (const args of [['log'], ['log', '--json'], ['status', '--json']]) {
    expect(said(await me.account.pysync(args)), args.join(' ')).not.toMatch(obeyed);
  }
  expect((await last())?.files[0]?.name).toBe(`${escapes}/\n${escapes}`);
});

test('a refused command with escape sequences is shown harmlessly', async () => {
  await mallory.ssh([`${escapes}\npysync-end 0`]);
  const result = await me.account.pysync(['log', '-n', '1']);
  expect(result.stdout).toContain('pwned');
  expect(said(result)).not.toMatch(obeyed);
  expect(result.stdout.trimEnd().split('\n')).toHaveLength(1);
});
