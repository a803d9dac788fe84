import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commands, frontDoorOptions } from '../../../../src/commands/index.js';
import { strayWord, unknownCommand } from '../../../../src/commands/words/mistakes.js';

const program = new Command('pysync');
frontDoorOptions(program);
program.exitOverride().configureOutput({ outputError: () => undefined });
for (const { usage } of commands) program.command(usage);

const hintsFor = (word: string): string => unknownCommand(word, program).hints.join('\n');

describe('unknownCommand', () => {
  it.each([
    ['statsu', 'status'],
    ['sttaus', 'status'],
    ['key', 'keys'],
    ['kyes', 'keys'],
    ['revok', 'revoke'],
    ['explian', 'explain'],
  ])('takes %s for %s', (word, meant) => {
    expect(hintsFor(word)).toBe(`did you mean: pysync ${meant}`);
  });

  it.each(['octocat', 'bob', 's', 'bob.pub'])('takes %s for a source', (word) => {
    expect(hintsFor(word)).toContain(`to import a key: pysync -i ${word}\n`);
  });

  it('knows the names of options, and a key that stands alone', () => {
    expect(hintsFor('import')).toContain('pysync --import');
    expect(hintsFor('ssh-ed25519 AAAA bob')).toContain("pysync -i 'ssh-ed25519 AAAA… name'");
    expect(hintsFor("it's")).toContain("pysync -i 'it'\\''s'");
  });
});

describe('strayWord', () => {
  it('asks for quotes behind the type of a key, and for another -i behind a source', () => {
    expect(strayWord('AAAAC3Nza', ['ssh-ed25519']).hints).toEqual([
      "put the key in quotes: pysync -i 'ssh-ed25519 AAAA… name'",
    ]);
    expect(strayWord('carol.pub', ['bob.pub']).hints).toEqual([
      'each source needs its own -i: pysync -i bob.pub -i carol.pub',
    ]);
  });
});
