/** Which options of `pysync serve` a unit keeps. */
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commands } from '../../../../src/commands/index.js';
import {
  answerOptions,
  keptOptions,
  keptWords,
} from '../../../../src/commands/words/kept-options.js';

const share = '/home/anna/public';

function parse(...words: readonly string[]): Record<string, unknown> {
  const command = new Command('serve');
  commands.find(({ usage }) => usage === 'serve')?.options?.(command);
  command.parse(words, { from: 'user' });
  return command.opts();
}

describe('the options of serve', () => {
  it('are each kept, refused, or of no use to a unit', () => {
    const command = new Command('serve');
    commands.find(({ usage }) => usage === 'serve')?.options?.(command);
    const known = [...keptOptions, ...answerOptions, 'dir', 'code', 'size'];
    const own = ['install', 'uninstall', 'dryRun'];
    const declared = new Set(command.options.map((option) => option.attributeName()));
    expect([...declared].sort()).toEqual([...known, ...own].sort());
  });

  it('are kept as they were given, and no others', () => {
    expect(keptWords(parse('--install'), share)).toEqual([]);
    const all = ['--port', '2223', '--any-network', '--pair', '--no-announce'];
    const policy = ['--access', 'write-only', '--dir', 'public'];
    expect(keptWords(parse('--install', ...policy, ...all), share)).toEqual([
      ...all,
      ...['--access', 'write-only', '--dir', share],
    ]);
    expect(keptWords(parse('--no-pair', '--allow-delete'), share)).toEqual([
      ...['--no-pair', '--allow-delete'],
    ]);
  });

  it.each([
    ['--code'],
    ['--size', '1G'],
    ['--from', 'lan'],
    ['--expires', '12h'],
    ['--name', 'bob'],
  ])('are refused where nobody is there for them: %s', (...words) => {
    expect(() => keptWords(parse('--install', ...words), share)).toThrow(
      `${words[0]} does not go together with --install`,
    );
  });
});
