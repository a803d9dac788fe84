/** `-`: standard input, to its end. */
import { PysyncError } from '../../errors.js';
import { largestSource, tooLarge, type KeySource, type SourceContext } from './source.js';

const origin = 'standard input';

export const stdin: KeySource = {
  reading: 'stdin',
  recognises: (source) => source === '-',
  read: async (_source, context) => {
    const content = await readAll(context);
    if (content.length === 0) {
      throw new PysyncError('SOURCE_EMPTY', `${origin} is empty`, {
        hints: ['send a key into it: pysync -i - < bob.pub'],
      });
    }
    return { reading: 'stdin', source: 'stdin', defaultName: undefined, content, origin };
  },
};

async function readAll(context: SourceContext): Promise<Uint8Array> {
  const input = context.stdin ?? process.stdin;
  const chunks: Uint8Array[] = [];
  let size = 0;
  const stop = (): void => {
    if ('destroy' in input && typeof input.destroy === 'function') input.destroy();
  };
  context.signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of input as AsyncIterable<string | Uint8Array>) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      size += bytes.length;
      // Leaving the loop also ends the stream: whoever writes without end into it is cut off.
      if (size > largestSource) throw tooLarge(origin);
      chunks.push(bytes);
    }
  } finally {
    context.signal?.removeEventListener('abort', stop);
  }
  context.signal?.throwIfAborted();
  return Buffer.concat(chunks);
}
