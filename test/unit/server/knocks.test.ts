import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fingerprintOf } from '../../../src/keys/key-line.js';
import { knockMs, Knocks } from '../../../src/server/knocks.js';
import type { Outcome } from '../../../src/server/knocks.js';
import type { RunQuestion } from '../../../src/server/messages.js';
import { blobOf } from '../../helpers/key-blob.js';

const asks = (key: number, address = `192.168.1.${key}`): RunQuestion => ({
  kind: 'run',
  session: key,
  key: blobOf('ssh-ed25519', Buffer.alloc(32, key)),
  user: 'bob',
  address,
  connection: `${address} 50000 192.168.1.1 2222`,
  command: 'rsync --server -vr . .',
});

const stays = new AbortController().signal;
let told: [string, Outcome | undefined][];
let knocks: Knocks;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  knocks = new Knocks((knock, outcome) => told.push([knock.address, outcome]));
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a stranger', () => {
  it('is shown with what their key and their client say', async () => {
    const asked = knocks.ask(asks(1), stays);
    const { knock, answer } = knocks.waiting()[0] ?? expect.fail('nobody waits');
    expect(knock).toEqual({
      blob: asks(1).key,
      fingerprint: fingerprintOf(asks(1).key),
      type: 'ssh-ed25519',
      user: 'bob',
      address: '192.168.1.1',
      command: 'rsync --server -vr . .',
      since: new Date(),
    });
    answer('yes');
    expect(await asked).toBe('yes');
    expect(knocks.waiting()).toEqual([]);
    expect(told).toEqual([
      ['192.168.1.1', undefined],
      ['192.168.1.1', 'yes'],
    ]);
  });

  it('waits for two minutes and not longer', async () => {
    const asked = knocks.ask(asks(1), stays);
    await vi.advanceTimersByTimeAsync(knockMs - 1);
    expect(knocks.waiting()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await asked).toBe('late');
    expect(knocks.waiting()).toEqual([]);
    // Nobody has said no.
    expect(knocks.isRefused(asks(1).key)).toBe(false);
  });

  it('who goes is not asked about, also one who has gone already', async () => {
    const leave = new AbortController();
    const asked = knocks.ask(asks(1), leave.signal);
    leave.abort();
    expect(await asked).toBe('gone');
    told = [];
    expect(await knocks.ask(asks(2), leave.signal)).toBe('gone');
    expect(told).toEqual([]);
  });

  it.each(['once', 'no'] as const)('whose answer is %s is known by it, or not', async (answer) => {
    const asked = knocks.ask(asks(1), stays);
    knocks.waiting()[0]?.answer(answer);
    expect(await asked).toBe(answer);
    expect(knocks.isRefused(asks(1).key)).toBe(answer === 'no');
    expect(knocks.isRefused(asks(2).key)).toBe(false);
  });
});

describe('strangers', () => {
  it('wait one for each address', () => {
    void knocks.ask(asks(1), stays);
    expect(knocks.whyFull('192.168.1.1')).toMatch(/at your address is already waiting/);
    expect(knocks.whyFull('192.168.1.2')).toBeUndefined();
  });

  it('wait five in all, and one more once one has been answered', async () => {
    const first = knocks.ask(asks(1), stays);
    for (const key of [2, 3, 4, 5]) void knocks.ask(asks(key), stays);
    expect(knocks.whyFull('192.168.1.6')).toMatch(/too many are waiting/);
    knocks.waiting()[0]?.answer('no');
    await first;
    expect(knocks.whyFull('192.168.1.6')).toBeUndefined();
  });
});
