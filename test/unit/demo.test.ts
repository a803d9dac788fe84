/** The recording at the top of the README; the tool that records it sees to what is in it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('the demo is a GIF of less than 2 MB that fits the width of a README', () => {
  const gif = readFileSync(join(import.meta.dirname, '../../pysync-demo.gif'));
  expect(gif.toString('latin1', 0, 6)).toBe('GIF89a');
  expect(gif.length).toBeLessThan(2_000_000);
  expect(gif.readUInt16LE(6)).toBeLessThanOrEqual(900);
});
