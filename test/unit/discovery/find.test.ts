import { describe, expect, it } from 'vitest';
import { collector } from '../../../src/discovery/find.js';
import type { Receiver } from '../../../src/discovery/receiver.js';

function receiver(name: string, change: Partial<Receiver> = {}): Receiver {
  const fingerprint = `SHA256:${'a'.repeat(43)}`;
  const usual = { host: 'pysync-1.local', port: 2222, user: 'anna', fingerprint };
  return { name, addresses: ['192.168.1.23'], ...usual, ...change };
}

describe('collector', () => {
  it('makes one of what the same receiver says over two links', () => {
    const heard = collector();
    heard.add([receiver('anna')], '192.168.1.23');
    heard.add([receiver('anna', { addresses: ['fd00::23', '192.168.1.23'] })], 'fe80::23%eth0');
    const { receivers, isCut } = heard.found();
    expect(receivers.map(({ addresses }) => addresses)).toEqual([['192.168.1.23', 'fd00::23']]);
    expect(isCut).toBe(false);
  });

  it('keeps apart who calls themselves the same but has another key', () => {
    const heard = collector();
    heard.add([receiver('anna')], '192.168.1.23');
    heard.add(
      [receiver('anna', { addresses: ['192.168.1.66'], fingerprint: `SHA256:${'b'.repeat(43)}` })],
      '192.168.1.66',
    );
    const shown = heard.found().receivers.map(({ addresses }) => addresses);
    expect(shown).toEqual([['192.168.1.23'], ['192.168.1.66']]);
  });

  it('forgets who says goodbye, and nobody for whom another one does', () => {
    const heard = collector();
    heard.add([receiver('anna'), receiver('bob')], '192.168.1.23');
    heard.forget(['anna', 'bob'], '192.168.1.66');
    expect(heard.found().receivers).toHaveLength(2);
    heard.forget(['anna'], '192.168.1.23');
    expect(heard.found().receivers.map(({ name }) => name)).toEqual(['bob']);
    expect(heard.isEmpty()).toBe(false);
  });

  it('lets nobody take the room of others, and keeps 128 in all', () => {
    const heard = collector();
    for (let i = 0; i < 10_000; i++) heard.add([receiver(`troll ${i}`)], '192.168.1.66');
    heard.add([receiver('anna')], '192.168.1.23');
    expect(heard.found()).toMatchObject({ isCut: true });
    expect(heard.found().receivers).toHaveLength(17);
    for (let i = 0; i < 1000; i++) heard.add([receiver(`crowd ${i}`)], `10.0.${i >> 8}.${i % 256}`);
    expect(heard.found().receivers).toHaveLength(128);
  });
});
