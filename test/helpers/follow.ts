/** A `pysync log --follow` that runs beside the test. */
import { join } from 'node:path';
import { execa } from 'execa';
import { inject } from 'vitest';
import type { Account } from './account.js';
import { systemPath, wrap } from './exec.js';

export interface Following {
  /** What it has printed so far. */
  output(): string;
  /** With `--json`: the same, read. */
  events(): Readonly<Record<string, unknown>>[];
  /** Ctrl-C; gives its exit status. */
  interrupt(): Promise<number | undefined>;
}

export function followLog(account: Account, ...args: readonly string[]): Following {
  const program = [inject('node'), join(inject('program'), 'bin/pysync.js')];
  const [file = '', ...words] = wrap([...program, 'log', '-f', ...args], { as: account });
  const child = execa(file, words, {
    env: { PATH: systemPath, HOME: account.home, LC_ALL: 'C.UTF-8' },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    cleanup: true,
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return {
    output: () => text,
    events: () =>
      text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    interrupt: async () => {
      child.kill('SIGINT');
      return (await child).exitCode;
    },
  };
}
