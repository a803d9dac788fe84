/**
 * A program of its own, run by the launcher when a transfer has left something to do (staging/finish.ts).
 * Argument: the connection's log. Ends with status 23 where that could not be done; what was sent is
 * then still in the session's folder.
 */
import { finish } from '../staging/finish.js';
import { readHeader } from '../log/log.js';
import { pysyncFolders, readSettings } from './settings.js';

const [log = ''] = process.argv.slice(2);
try {
  const settings = readSettings(pysyncFolders());
  if (settings === undefined) throw new Error('no settings');
  const header = readHeader(log);
  if (header?.finish !== undefined) {
    const { sentences, isWhole } = finish(settings, header, header.finish, log);
    for (const sentence of sentences) {
      console.error(`pysync: ${sentence.replaceAll(/\p{C}/gu, '?')}`);
    }
    if (!isWhole) process.exitCode = 23;
  }
} catch {
  console.error(
    'pysync: the receiving side has a problem; its owner can see it with: pysync doctor',
  );
  process.exitCode = 23;
}
