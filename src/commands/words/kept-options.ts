/** The options of `pysync serve` that go into its unit, as words of a command line. */
import { quoteAll } from '../../gate/quote.js';
import type { Options } from './options.js';
import { text, usage } from './options.js';

/** Told to each start as they were given. */
export const keptOptions = [
  'port',
  'anyNetwork',
  'pair',
  'announce',
  'access',
  'allowDelete',
] as const;

/** Known by their `--no-`; commander says true where they are not given. */
const hasOnlyNo: readonly string[] = ['announce'];

/**
 * Those that need somebody at the terminal: who is let in without one is let in by `pysync let-in`. A
 * date would besides stop serve from starting once it has passed.
 */
export const answerOptions = ['from', 'expires', 'name'] as const;

/** `share` is what `--dir` means, as an absolute path. Throws PysyncError `USAGE`. */
export function keptWords(options: Options, share: string): string[] {
  if (options['code'] === true) {
    throw usage(
      '--code does not go together with --install: nobody would see the code',
      'for one guest: pysync serve --code --port 2223',
    );
  }
  const stray = answerOptions.find((name) => options[name] !== undefined);
  if (stray !== undefined) {
    throw usage(
      `--${stray} does not go together with --install`,
      'say it when you let somebody in: pysync let-in <fingerprint>',
    );
  }
  const size = text(options, 'size');
  if (size !== undefined) {
    throw usage(
      '--size does not go together with --install',
      `cap the share first: ${quoteAll(['pysync', '--dir', share, '--size', size])}`,
    );
  }
  const words = keptOptions.flatMap((name) => {
    const value = options[name];
    const dashed = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (typeof value === 'string') return [`--${dashed}`, value];
    if (value === false) return [`--no-${dashed}`];
    return value === true && !hasOnlyNo.includes(name) ? [`--${dashed}`] : [];
  });
  return options['dir'] === undefined ? words : [...words, '--dir', share];
}
