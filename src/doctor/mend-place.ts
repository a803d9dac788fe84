/** How others are kept from a place that decides what a peer's key does. */
import { homedir, userInfo } from 'node:os';
import { quoteAll } from '../gate/quote.js';
import type { LoosePlace } from '../system/loose-places.js';
import type { Finding } from './check.js';

/** The command with which a person takes the leave to write there from others. */
export function mendCommand({ path, how, mend }: LoosePlace): string {
  const home = homedir();
  const owner = path === home || path.startsWith(`${home}/`) ? userInfo().username : 'root';
  const command = how.startsWith('belongs') ? `chown ${owner}` : 'chmod go-w';
  return `${mend === undefined ? 'sudo ' : ''}${command} ${quoteAll([path])}`;
}

/** The same, for `--fix`; undefined where it takes more rights than we have. */
export function mendPlace({ path, mend }: LoosePlace): Finding['fix'] {
  if (mend === undefined) return undefined;
  return () => {
    mend();
    return Promise.resolve(`took the leave to write ${path} from others`);
  };
}
