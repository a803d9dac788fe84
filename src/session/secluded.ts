/**
 * Secluded arguments (`-s`, `--protect-args`): the client sends its words over standard input, each
 * ended by a NUL, the last one empty; rsync's protocol follows at once.
 */
import { read } from 'node:fs';
import { Refusal } from '../gate/refusal.js';

const maxBytes = 64 * 1024;
const waitMs = 10_000;

/**
 * Reads the words up to their end and not a byte further: whatever is read here, rsync does not
 * get. Throws Refusal where they are too long, not UTF-8, cut off or late.
 */
export async function readSecludedWords(descriptor: number): Promise<string[]> {
  const deadline = Date.now() + waitMs;
  const words: string[] = [];
  let bytes: number[] = [];
  for (let total = 0; total < maxBytes; total += 1) {
    const byte = await readByte(descriptor, deadline);
    if (byte !== 0) {
      bytes.push(byte);
      continue;
    }
    if (bytes.length === 0 && words.length > 0) return words;
    words.push(Buffer.from(bytes).toString('utf8'));
    bytes = [];
  }
  throw new Refusal('the words over standard input (-s) are longer than 64 KiB');
}

async function readByte(descriptor: number, deadline: number): Promise<number> {
  const buffer = Buffer.alloc(1);
  const count = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(
      () => {
        reject(new Refusal('the words over standard input (-s) did not come'));
      },
      Math.max(0, deadline - Date.now()),
    );
    read(descriptor, buffer, 0, 1, null, (error, length) => {
      clearTimeout(timer);
      if (error === null) resolve(length);
      else reject(error);
    });
  });
  if (count === 0) throw new Refusal('the words over standard input (-s) are cut off');
  return buffer[0] ?? 0;
}
