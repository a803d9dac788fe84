/** `-`: standard input, to its end. */
import { PysyncError } from '../../errors.js';
import { largestSource, tooLarge, type KeySource } from './source.js';

const origin = 'standard input';

export const stdin: KeySource = {
  reading: 'stdin',
  inPolicy: 'stdin',
  whyNotAskable: () => 'a key that was piped in is listed nowhere',
  recognises: (source) => source === '-',
  read: async (_source, { stdin: input = process.stdin }) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of input as AsyncIterable<string | Uint8Array>) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      size += bytes.length;
      // Leaving the loop also ends the stream, however much is still written into it.
      if (size > largestSource) throw tooLarge(origin);
      chunks.push(bytes);
    }
    if (size === 0) {
      throw new PysyncError('SOURCE_EMPTY', `${origin} is empty`, {
        hints: ['send a key into it: pysync -i - < bob.pub'],
      });
    }
    const content = Buffer.concat(chunks);
    return { reading: 'stdin', source: 'stdin', defaultName: undefined, content, origin };
  },
};
