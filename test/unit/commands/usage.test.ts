import { describe, expect, it } from 'vitest';
import { declareProgram } from '../../../src/commands/program.js';
import { commandLine } from '../../../src/commands/usage.js';
import { valueKinds } from '../../../src/commands/words/values.js';

describe('the command line', () => {
  const line = commandLine();
  const all = [{ name: '', options: line.options, arguments: [] }, ...line.commands];

  it('has values of kinds that are known, each in use', () => {
    const names = all.flatMap((command) => [
      ...command.options.flatMap(({ value }) => value?.name ?? []),
      ...command.arguments.map(({ name }) => name),
    ]);
    // A new one belongs into src/commands/words/values.ts, so that the shells can complete it.
    expect([...new Set(names)].sort()).toEqual(Object.keys(valueKinds).sort());
  });

  it('keeps to itself what only the scripts for the shells use', () => {
    expect(JSON.stringify(line)).not.toContain('--offer');
  });

  it('has a help that fits into 80 columns', () => {
    const { program } = declareProgram();
    let help = '';
    program.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    program.outputHelp();
    expect(help.split('\n').filter((row) => row.length > 80)).toEqual([]);
    expect(help).toContain('Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.');
  });
});
