/** The quoting that the launcher and the forced command rest on, read back by the shells themselves. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteAll } from '../../../src/gate/quote.js';
import { lookForTool } from '../../../src/system/tools.js';
import { exec } from '../../helpers/exec.js';
import type { ExecResult } from '../../helpers/exec.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';

/** Every login shell that sshd may hand a forced command to, as far as they are installed. */
const shells = ['sh', 'bash', 'dash', 'zsh', 'fish', 'ksh', 'mksh', 'busybox'].filter(
  (name) => name === 'sh' || lookForTool(name) !== undefined,
);

const letters = Array.from(` \t\n'"\\$\`!*?[]{}()<>|&;#~=%^,:@+-./a0é\u0001\u007f`);

/** Words of what shells act on, and words of anything but NUL, which no argument can hold. */
const word = fc.oneof(
  fc.string({ unit: fc.constantFrom(...letters), maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll('\0', '')),
  fc.constantFrom(
    '',
    '-n',
    '--',
    '=ls',
    '%1',
    '~root',
    '$(id)',
    '`id`',
    "'",
    "'\\''",
    '!!',
    '{a,b}',
  ),
);

// Many at once: starting a shell takes far longer than reading a word.
const batches = fc.array(word, { minLength: 150, maxLength: 150 });

/**
 * Runs `script` in an empty folder: a pattern without quotes would match nothing there, and vanish
 * in some shells. It is the home, too, since bash reads the .bashrc there where it takes its
 * standard input for a connection.
 */
function runIn(shell: string, script: string, folder: string): Promise<ExecResult> {
  const command = shell === 'busybox' ? ['busybox', 'sh'] : [shell];
  return exec([...command, '-c', script], { cwd: folder, env: { HOME: folder } });
}

/** What `shell` makes of the words, which it has from `eval` as well as straight from its script. */
async function readBack(shell: string, words: readonly string[]): Promise<string[][]> {
  const line = `printf '%s\\0' ${quoteAll(words)}`;
  const script = shell === 'fish' ? `${line}\n${line}` : `${line}\neval ${quoteAll([line])}`;
  const { stdout, stderr, exitCode } = await runIn(shell, script, createTemporaryFolder().path);
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  const read = stdout.split('\0').slice(0, -1);
  return [read.slice(0, words.length), read.slice(words.length)];
}

describe.each(shells)('words quoted for %s', (shell) => {
  it('come back as they were, whatever they hold', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (words) => {
        expect(await readBack(shell, words)).toEqual([words, words]);
      }),
      { numRuns: 30 },
    );
  });

  it('are words to it, and no command is run', async () => {
    const folder = createTemporaryFolder().path;
    const file = join(folder, 'made');
    const hostile = [
      `$(touch ${file})`,
      `\`touch ${file}\``,
      `'; touch ${file}; '`,
      `\n touch ${file}`,
    ];
    await runIn(shell, `printf '%s' ${quoteAll(hostile)}`, folder);
    expect((await exec(['ls', folder])).stdout).toBe('');
    // The control: without quotes it is.
    await runIn(shell, `printf '%s' ${hostile.at(-1) ?? ''}`, folder);
    expect((await exec(['ls', folder])).stdout).toBe('made\n');
  });
});
