/** What `pysync doctor --json` found. */
import { expect } from 'vitest';
import type { ExecResult } from './exec.js';

export interface FoundLine {
  readonly check: string;
  readonly verdict: 'ok' | 'warning' | 'problem';
  readonly text: string;
  readonly hints: readonly string[];
  readonly fixable: boolean;
}

export interface Diagnosis {
  readonly findings: readonly FoundLine[];
  readonly done: readonly string[];
  readonly exitCode: number;
  /** `verdict: text` of one check's lines. */
  of(check: string): string[];
}

/** Reads the result of a run, and sees to it that status and sentence agree with what was found. */
export function readFindings({ stdout, stderr, exitCode }: ExecResult): Diagnosis {
  if (stdout === '') throw new Error(`doctor printed nothing: ${stderr}`);
  const { findings, done } = JSON.parse(stdout) as Pick<Diagnosis, 'findings' | 'done'>;
  const problems = findings.filter(({ verdict }) => verdict === 'problem').length;
  expect(exitCode).toBe(problems > 0 ? 1 : 0);
  if (problems > 0) expect(stderr).toMatch(new RegExp(`^pysync: ${problems} problems? found\\n`));
  else expect(stderr).toBe('');
  return {
    findings,
    done,
    exitCode,
    of: (check) =>
      findings
        .filter((each) => each.check === check)
        .map(({ verdict, text }) => `${verdict}: ${text}`),
  };
}
