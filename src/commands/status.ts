/** `pysync` and `pysync status`: asks how a peer gets here, and has the rest looked at meanwhile. */
import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Status, lookAround, report } from './status-report.js';
import { findReach } from './views/reach.js';
import type { Options } from './words/options.js';

interface StatusReport {
  readonly lookAround: typeof lookAround;
  readonly report: typeof report;
}

/** By require(), for the reason that cli.ts gives. */
const statusReport = (): StatusReport =>
  createRequire(__filename)('./status-report.js') as StatusReport;

export async function run(_args: readonly string[], options: Options): Promise<void> {
  const [reach, found] = await Promise.all([findReach(), lookMeanwhile()]);
  statusReport().report({ ...found, reach }, options);
}

/** An ssh server takes some time to answer: only once it has been asked is all else loaded. */
async function lookMeanwhile(): Promise<Omit<Status, 'reach'>> {
  await nextTurn();
  return statusReport().lookAround();
}
