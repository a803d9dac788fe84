/** `pysync doctor`: walks the whole chain from the sender to the share, and says how to fix it. */
import { wordOf } from '../doctor/check.js';
import type { Check, Finding, Verdict } from '../doctor/check.js';
import { checks, deepChecks } from '../doctor/checks/index.js';
import { PysyncError } from '../errors.js';
import { fileFailure } from '../system/failures.js';
import { print, printJson, style } from '../system/output.js';
import { counted, printable } from '../system/text.js';
import type { Options } from './words/options.js';

interface Report {
  readonly check: Check;
  readonly findings: readonly Finding[];
  /** What `--fix` did and could not do. */
  readonly done: readonly string[];
}

export async function run(args: readonly string[], options: Options): Promise<void> {
  const all = options['deep'] === true ? checks.map(deeper) : checks;
  const first = await Promise.all(chosen(all, args).map(look));
  const reports = options['fix'] === true ? await fixAll(first) : first;
  if (options['json'] === true) printJson(asJson(reports));
  else printText(reports);
  const bad = count(reports, 'problem');
  if (bad === 0) return;
  throw new PysyncError('PROBLEMS_FOUND', `${counted(bad, 'problem')} found`, {
    hints: fixable(reports).length > 0 ? ['some can be fixed by: pysync doctor --fix'] : [],
  });
}

function deeper(check: Check): Check {
  return deepChecks.find(({ name }) => name === check.name) ?? check;
}

/** The checks that are called so, or all. */
function chosen(all: readonly Check[], words: readonly string[]): readonly Check[] {
  const known = [...new Set(all.map(wordOf))];
  const stray = words.find((word) => !known.includes(word));
  if (stray !== undefined) {
    throw new PysyncError('USAGE', `'${stray}' is not a check`, {
      exitStatus: 2,
      hints: [`the checks are: ${known.join(', ')}`],
    });
  }
  return words.length === 0 ? all : all.filter((check) => words.includes(wordOf(check)));
}

/** One after the other: the fixes of two checks may touch the same thing. */
async function fixAll(reports: readonly Report[]): Promise<Report[]> {
  const fixed: Report[] = [];
  for (const report of reports) {
    const done: string[] = [];
    for (const { fix, text } of fixable([report])) {
      try {
        done.push(`fixed: ${await fix()}`);
      } catch (error) {
        if (!(error instanceof PysyncError)) throw error;
        done.push(
          `not fixed: ${text}: ${error.message}`,
          ...error.hints.map((line) => `  ${line}`),
        );
      }
    }
    fixed.push(done.length === 0 ? report : { ...(await look(report.check)), done });
  }
  return fixed;
}

async function look(check: Check): Promise<Report> {
  try {
    return { check, findings: await check.run(), done: [] };
  } catch (error) {
    // A file that cannot even be looked at is in the way of peers as well.
    const known = fileFailure(error, `look at the ${check.name}`);
    if (!(known instanceof PysyncError)) throw error;
    const finding: Finding = { verdict: 'problem', text: known.message, hints: known.hints };
    return { check, findings: [finding], done: [] };
  }
}

type Fixable = Finding & Required<Pick<Finding, 'fix'>>;

function fixable(reports: readonly Report[]): Fixable[] {
  return reports
    .flatMap(({ findings }) => findings)
    .filter((finding): finding is Fixable => finding.fix !== undefined);
}

const colours: Readonly<Record<Verdict, (text: string) => string>> = {
  ok: style.good,
  warning: style.warn,
  problem: style.bad,
};

function printText(reports: readonly Report[]): void {
  const width = Math.max(...reports.map(({ check }) => check.name.length));
  const indent = ' '.repeat('problem'.length + width + 4);
  for (const { check, findings, done } of reports) {
    for (const line of done) print(`${indent}${printable(line)}`);
    for (const { verdict, text, hints = [] } of findings) {
      const label = colours[verdict](verdict.padEnd('problem'.length));
      print(`${label}  ${check.name.padEnd(width)}  ${printable(text)}`);
      for (const hint of hints) print(`${indent}  ${printable(hint)}`);
    }
  }
  const warnings = count(reports, 'warning');
  if (count(reports, 'problem') > 0) return;
  print();
  print(warnings === 0 ? 'All is well.' : `No problem, ${counted(warnings, 'warning')}.`);
}

function count(reports: readonly Report[], verdict: Verdict): number {
  return reports.flatMap(({ findings }) => findings).filter((each) => each.verdict === verdict)
    .length;
}

function asJson(reports: readonly Report[]): object {
  return {
    problems: count(reports, 'problem'),
    warnings: count(reports, 'warning'),
    findings: reports.flatMap(({ check, findings }) =>
      findings.map(({ verdict, text, hints = [], fix }) => ({
        check: check.name,
        verdict,
        text,
        hints,
        fixable: fix !== undefined,
      })),
    ),
    done: reports.flatMap(({ done }) => done),
  };
}
