/**
 * A program of its own, run by the launcher when a transfer has left something to do (finish.ts).
 * Arguments: the settings of this machine, `--`, and the connection's log. Ends with status 23 where
 * that could not be done; what was sent is then still in the session's folder.
 */
import { finish } from '../staging/finish.js';
import { parseSettings } from './settings.js';

const words = process.argv.slice(2);
const border = words.indexOf('--');
try {
  const { sentences, isWhole } = finish(
    parseSettings(words.slice(0, border)),
    words[border + 1] ?? '',
  );
  for (const sentence of sentences) {
    console.error(`pysync: ${sentence.replaceAll(/\p{C}/gu, '?')}`);
  }
  if (!isWhole) process.exitCode = 23;
} catch {
  console.error(
    'pysync: the receiving side has a problem; its owner can see it with: pysync doctor',
  );
  process.exitCode = 23;
}
