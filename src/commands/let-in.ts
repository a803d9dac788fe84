/** `pysync let-in`: imports the key of a stranger who has knocked at `pysync serve`. */
import { PysyncError } from '../errors.js';
import { listedKnocks } from '../server/knock-list.js';
import type { ListedKnock } from '../server/knock-list.js';
import { print, printJson } from '../system/output.js';
import { printable } from '../system/text.js';
import { letIn } from './strangers.js';
import type { Options } from './words/options.js';

export async function run([wanted = '']: readonly string[], options: Options): Promise<void> {
  const stranger = findStranger(wanted);
  const name = await letIn(stranger, options);
  if (options['json'] === true) printJson({ peer: name, key: stranger.fingerprint });
  else print(`${name} is let in from now on, with the key ${stranger.fingerprint}`);
}

/** Fingerprints are compared, and never names: those are claims. */
function findStranger(wanted: string): ListedKnock {
  const fingerprint = wanted.replace(/^(?:SHA256:)?/, 'SHA256:').replace(/=+$/, '');
  const found = listedKnocks(new Date()).find((knock) => knock.fingerprint === fingerprint);
  if (found !== undefined) return found;
  throw new PysyncError('NOBODY_KNOCKED', `nobody has knocked with the key ${printable(wanted)}`, {
    hints: ['who has, with their fingerprints: pysync knocks'],
  });
}
