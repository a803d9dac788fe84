/** pysync on a terminal of its own (script(1)), at which a test types. */
import { join } from 'node:path';
import { execa } from 'execa';
import { inject } from 'vitest';
import type { Account } from './account.js';
import { systemPath, wrap } from './exec.js';
import { waitFor } from './tmp.js';

export const ctrlC = '\u0003';

export interface OnTerminal {
  /** What the terminal has been sent so far. */
  output(): string;
  /** Types `text` once the terminal shows `sign`. */
  typeAt(sign: RegExp, text: string): Promise<void>;
  /** Waits for its end; gives its exit status. */
  end(): Promise<number | undefined>;
}

export function startOnTerminal(
  account: Account,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): OnTerminal {
  const words = [inject('node'), join(inject('program'), 'bin/pysync.js'), ...args];
  const script = 'exec script --quiet --return --command "$(printf "%q " "$@")" /dev/null';
  const [file = '', ...rest] = wrap(['bash', '-c', script, 'bash', ...words], { as: account });
  const child = execa(file, rest, {
    cwd: account.home,
    env: { PATH: systemPath, HOME: account.home, LC_ALL: 'C.UTF-8', TERM: 'xterm', ...env },
    extendEnv: false,
    reject: false,
    stdin: 'pipe',
    cleanup: true,
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return {
    output: () => text,
    typeAt: async (sign, typed) => {
      await waitFor(`the terminal to show ${sign.source}`, () => sign.test(text), 60_000);
      child.stdin.write(typed);
    },
    end: async () => (await child).exitCode,
  };
}
