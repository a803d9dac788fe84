/** What `--size` tells. */
import { print, printJson } from '../../system/output.js';
import { formatSize } from '../../system/sizes.js';
import { printable } from '../../system/text.js';
import type { Options } from '../words/options.js';

/** What came of `--size`. */
export interface SizeReport {
  readonly share: string;
  /** Bytes; null without a cap. */
  readonly size: number | null;
  /** Bytes that files can take. */
  readonly usable?: number;
  readonly engine?: string;
  readonly mount?: string;
  /** The disk image, where it is not in pysync's own folder. */
  readonly image?: string;
  /** Where files or an image are kept until the owner removes them. */
  readonly kept?: string;
  /** What to tell besides. */
  readonly notes: readonly string[];
}

/** Tells a report where nothing was imported with it. */
export function reportSize(report: SizeReport, options: Options): void {
  if (options['json'] === true) printJson(report);
  else for (const line of describeSize(report)) print(line);
}

/** A report as lines for a person; its notes are told apart. */
export function describeSize({
  share,
  size,
  usable,
  engine,
  mount,
  image,
  kept,
}: SizeReport): string[] {
  const where = printable(share);
  const lines =
    size === null
      ? [`${where} has no size cap.`]
      : [
          `${where} is capped at ${formatSize(size)}; ${formatSize(usable ?? 0)} of it is available for files.`,
          `The volume was made with ${engine ?? ''} and is mounted with ${mount ?? ''}.`,
        ];
  if (image !== undefined) lines.push(`Its disk image is ${printable(image)}.`);
  if (kept === undefined) return lines;
  return [...lines, `Kept until you remove it: ${printable(kept)}`];
}
