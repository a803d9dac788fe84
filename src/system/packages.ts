/** Packages that are loaded when they are first used: each takes longer to load than it works. */
import { createRequire } from 'node:module';
import type * as ChalkModule from 'chalk';
import type * as IpaddrModule from 'ipaddr.js';
import type * as LogUpdateModule from 'log-update';
import type * as StringWidthModule from 'string-width';

const load = createRequire(__filename);

export const chalk = (): typeof ChalkModule => load('chalk') as typeof ChalkModule;
export const ipaddr = (): typeof IpaddrModule => load('ipaddr.js') as typeof IpaddrModule;
export const logUpdate = (): typeof LogUpdateModule => load('log-update') as typeof LogUpdateModule;

/** How many columns of a terminal `text` takes. */
export function widthOf(text: string): number {
  // All that most texts have.
  if (/^[ -~]*$/.test(text)) return text.length;
  return (load('string-width') as typeof StringWidthModule).default(text);
}
