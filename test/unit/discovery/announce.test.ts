import { hostname } from 'node:os';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { instanceName } from '../../../src/discovery/announce.js';

vi.mock('node:os', { spy: true });

beforeEach(() => {
  vi.mocked(hostname).mockReturnValue('laptop.example.org');
});

describe('instanceName', () => {
  it('says who receives on which machine, with a number where that is taken', () => {
    expect(instanceName('anna', 1)).toBe('anna on laptop');
    expect(instanceName('anna', 2)).toBe('anna on laptop (2)');
    expect(instanceName('a.n\u001bna', 1)).toBe('a-n-na on laptop');
  });

  it('is one label for any user and host: 63 bytes without a dot, and no half characters', () => {
    const text = fc.string({ unit: 'binary', maxLength: 80 });
    fc.assert(
      fc.property(text, text, fc.integer({ min: 1, max: 9 }), (user, machine, number) => {
        vi.mocked(hostname).mockReturnValue(machine);
        const name = instanceName(user, number);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
        expect(name).toMatch(/^[\p{L}\p{N} _@+-]+( \([2-9]\))?$/u);
      }),
    );
  });
});
