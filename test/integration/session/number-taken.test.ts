/** The number of a launcher that was cut off by a reboot can be any process's later. */
import { readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '../../helpers/peer.js';
import type { Receiver } from '../../helpers/receiver.js';
import { createReceiver, putFiles } from '../../helpers/receiver.js';
import { waitFor } from '../../helpers/tmp.js';

let me: Receiver;
let bob: Peer;

beforeAll(async () => {
  me = await createReceiver();
  bob = await me.letIn('--name', 'bob');
  putFiles(bob.folder, { 'a.txt': 'a\n' });
});

afterAll(() => me.remove());

test('what runs below a process that has it is left alone', async () => {
  const end = new AbortController();
  const script = 'echo $$ >number; sleep 1000 & wait; echo ended >number';
  const owners = me.account.run(['sh', '-c', script], { signal: end.signal });
  const number = (): string => readFileSync(join(me.account.home, 'number'), 'utf8').trim();
  try {
    await waitFor('the process', () => {
      try {
        return number() !== '';
      } catch {
        return false;
      }
    });
    const first = await bob.rsync(['-a', 'a.txt', `${bob.target}:`]);
    expect(first).toMatchObject({ stderr: '', exitCode: 0 });
    const [header = ''] = (me.logs().at(-1) ?? '').split('\n');
    const pid = Number(number());
    const name = `20260101T000000Z-${pid}-${'0'.repeat(32)}-abcdefabcdef.log`;
    const log = me.write(
      `.local/state/pysync/running/${name}`,
      `${JSON.stringify({ ...(JSON.parse(header) as object), pid })}\n`,
    );
    utimesSync(log, 0, 0);
    const second = await bob.rsync(['-aI', 'a.txt', `${bob.target}:`]);
    expect(second).toMatchObject({ stderr: '', exitCode: 0 });
    expect(number()).toBe(String(pid));
    expect(readFileSync(log, 'utf8')).not.toContain('pysync-lost');
  } finally {
    end.abort();
    await owners;
  }
});
