/**
 * What a person sees. Results go to standard output, talk to standard error; colour only where a
 * terminal shows it. Whatever comes from outside passes `printable` before it gets here.
 */
import { createRequire } from 'node:module';
import type * as ChalkModule from 'chalk';
import type { ChalkInstance } from 'chalk';
import { printableJson } from './text.js';

/** chalk where colour is wanted; it is not loaded otherwise, since that takes longer than it works. */
function chalkFor(stream: NodeJS.WriteStream): ChalkInstance | undefined {
  // An empty NO_COLOR counts as not set (no-color.org).
  const isUnwanted = (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb';
  if (!stream.isTTY || isUnwanted) return undefined;
  const { Chalk } = createRequire(__filename)('chalk') as typeof ChalkModule;
  return new Chalk();
}

const out = chalkFor(process.stdout);

/** Styles for text on standard output. */
export const style = {
  bold: (text: string): string => out?.bold(text) ?? text,
  dim: (text: string): string => out?.dim(text) ?? text,
  good: (text: string): string => out?.green(text) ?? text,
  warn: (text: string): string => out?.yellow(text) ?? text,
  bad: (text: string): string => out?.red(text) ?? text,
};

/** A line of the result. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** The whole result of a command run with `--json`. */
export function printJson(value: unknown): void {
  print(printableJson(value, 2));
}

/** One of many results, for a command that continues: a line of its own. */
export function printJsonLine(value: unknown): void {
  print(printableJson(value));
}

/** A line beside the result: what was noticed. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** An error, with the hints that lead out of it. */
export function printError(message: string, hints: readonly string[]): void {
  const name = chalkFor(process.stderr)?.red('pysync:') ?? 'pysync:';
  process.stderr.write(`${name} ${message}\n`);
  for (const hint of hints) process.stderr.write(`  ${hint}\n`);
}

/** Rows as columns of even width; the last one is left ragged. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  }
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
