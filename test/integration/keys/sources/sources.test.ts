import { describe, expect, it } from 'vitest';
import { sources } from '../../../../src/keys/sources/index.js';
import { testContract } from './contract.js';
import { fixtures } from './fixtures.js';

describe.each(sources)('the key source $reading', (source) => {
  const fixture = fixtures[source.reading];
  if (fixture !== undefined) testContract(source, fixture);
  else {
    it('is tested by the contract suite', () => {
      throw new Error(
        `the key source '${source.reading}' has no fixture: ` +
          'add one to test/integration/keys/sources/fixtures.ts',
      );
    });
  }
});

describe('the list of key sources', () => {
  it('has each reading once, and none that another could be taken for in a policy', () => {
    expect(new Set(sources.map(({ reading }) => reading)).size).toBe(sources.length);
    for (const { inPolicy, reading } of sources) {
      const taken = sources.filter((other) => inPolicy.startsWith(other.inPolicy));
      expect(taken.map((other) => other.reading)).toEqual([reading]);
    }
  });
});
