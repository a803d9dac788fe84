/** Findings, made in one line each. */
import type { Finding, Verdict } from './check.js';

export function ok(text: string): Finding {
  return { verdict: 'ok', text };
}

export function warning(
  text: string,
  hints: readonly string[] = [],
  fix?: Finding['fix'],
): Finding {
  return finding('warning', text, hints, fix);
}

export function problem(
  text: string,
  hints: readonly string[] = [],
  fix?: Finding['fix'],
): Finding {
  return finding('problem', text, hints, fix);
}

function finding(
  verdict: Verdict,
  text: string,
  hints: readonly string[],
  fix: Finding['fix'],
): Finding {
  return { verdict, text, hints, ...(fix === undefined ? {} : { fix }) };
}
