/**
 * The attacker has a key, and waits for the day on which the share's folder is gone. It must be
 * served nothing then, and told no path. (A capped share has its volume instead: capped-share.test.ts
 * and test/integration/volume/fail-closed.test.ts.)
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../helpers/peer.js';
import type { Receiver } from '../helpers/receiver.js';
import { createReceiver, putFiles, said } from '../helpers/receiver.js';

let me: Receiver;
let mallory: Peer;

beforeAll(async () => {
  me = await createReceiver();
  mallory = await me.letIn('--name', 'mallory');
  me.write('public/hello.txt', 'hello\n');
  putFiles(mallory.folder, { 'a.txt': 'a\n' });
});

afterAll(() => me.remove());

test('no message names a real path where the share is gone', async () => {
  await me.account.run(['mv', 'public', 'elsewhere']);
  const texts = [
    said(await mallory.rsync(['-a', `${mallory.target}:hello.txt`, 'got/'])),
    said(await mallory.rsync(['-a', 'a.txt', `${mallory.target}:`])),
  ];
  await me.account.run(['mv', 'elsewhere', 'public']);
  for (const text of texts) {
    expect(text).toMatch(/^pysync: the receiving side has a problem/);
    expect(text).not.toContain(join(me.account.home, 'public'));
  }
});

test('the control: with the share back it is served', async () => {
  const pulled = await mallory.rsync(['-a', `${mallory.target}:hello.txt`, 'ok/']);
  expect(pulled).toMatchObject({ stderr: '', exitCode: 0 });
});
