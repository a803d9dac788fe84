/** How others are kept from a place that decides what a peer's key does. */
import { homedir, userInfo } from 'node:os';
import { quoteAll } from '../gate/quote.js';
import type { LoosePlace } from '../system/loose-places.js';
import type { Finding } from './check.js';

/** The command with which a person keeps others from writing there. */
export function closeCommand({ path, how, fix }: LoosePlace): string {
  const home = homedir();
  const owner = path === home || path.startsWith(`${home}/`) ? userInfo().username : 'root';
  const command = how.startsWith('belongs') ? `chown ${owner}` : 'chmod go-w';
  return `${fix === undefined ? 'sudo ' : ''}${command} ${quoteAll([path])}`;
}

/** The same, for `--fix`; undefined where it takes more rights than we have. */
export function closePlace({ path, fix }: LoosePlace): Finding['fix'] {
  if (fix === undefined) return undefined;
  return () => {
    fix();
    return Promise.resolve(`others can no longer write to ${path}`);
  };
}
