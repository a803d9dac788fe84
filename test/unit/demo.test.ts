/**
 * The recording at the top of the README, as far as a file can tell: GIF89a (the specification is
 * "Graphics Interchange Format", version 89a), how long it plays, and that it starts again.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const gif = readFileSync(join(import.meta.dirname, '../../pysync-demo.gif'));

/** The size of a table of colours, told by its flags. */
const colours = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1));

/** The position behind a chain of sub-blocks, which an empty one ends. */
function behind(position: number): number {
  let next = position;
  while (gif.readUInt8(next) !== 0) next += gif.readUInt8(next) + 1;
  return next + 1;
}

/** Seconds that one round takes, and how often it is played; 0 means without end. */
function play(): { seconds: number; rounds: number | undefined } {
  let hundredths = 0;
  let rounds: number | undefined;
  let position = 13 + colours(gif.readUInt8(10));
  while (gif.readUInt8(position) !== 0x3b) {
    if (gif.readUInt8(position) === 0x2c) {
      position = behind(position + 10 + colours(gif.readUInt8(position + 9)) + 1);
      continue;
    }
    const label = gif.readUInt8(position + 1);
    if (label === 0xf9) hundredths += gif.readUInt16LE(position + 4);
    if (label === 0xff && gif.toString('latin1', position + 3, position + 14) === 'NETSCAPE2.0') {
      rounds = gif.readUInt16LE(position + 16);
    }
    position = behind(position + 2);
  }
  return { seconds: hundredths / 100, rounds };
}

test('the demo is a GIF of less than 2 MB that plays 20 to 40 seconds, again and again', () => {
  expect(gif.toString('latin1', 0, 6)).toBe('GIF89a');
  expect(gif.length).toBeLessThan(2_000_000);
  const { seconds, rounds } = play();
  expect(seconds).toBeGreaterThanOrEqual(20);
  expect(seconds).toBeLessThanOrEqual(40);
  expect(rounds).toBe(0);
});

test('the demo fits the width of a README', () => {
  expect(gif.readUInt16LE(6)).toBeLessThanOrEqual(900);
});
