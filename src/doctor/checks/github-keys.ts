/** Whether the GitHub accounts that keys came from still list them, and are still the same. */
import { importedKeys } from '../../keys/imported.js';
import { githubUser } from '../../keys/same-source.js';
import { askAgain, sourcesOf } from '../../keys/refresh.js';
import type { SourceReport } from '../../keys/refresh.js';
import { launcherPath } from '../../launcher/install.js';
import type { Check, Finding } from '../check.js';
import { counted } from '../../system/text.js';

/** A doctor is not waited for as an import is. */
const timeoutMs = 5000;

export const githubKeys: Check = {
  name: 'github keys',
  run: async () => {
    const { keys } = await importedKeys();
    const sources = sourcesOf(keys).filter(({ source }) => githubUser(source) !== undefined);
    if (sources.length === 0) return [{ verdict: 'ok', text: 'no key came from GitHub' }];
    const reports = await askAgain(sources, launcherPath(), timeoutMs);
    return reports.map(describe);
  },
};

function describe(report: SourceReport): Finding {
  const { source, keys, unchanged, gone, added, notTaken, notes, failure } = report;
  const hints = [`pysync refresh ${source}`];
  // The keys do what they did; whether they should is not known without a network.
  if (failure !== undefined) {
    return { verdict: 'ok', text: `${source} could not be asked: ${failure.message}` };
  }
  if (notes.length > 0) return { verdict: 'warning', text: notes.join('; '), hints };
  if (gone.length > 0) {
    const text = `${source} no longer lists ${gone.length} of its ${counted(keys.length, 'key')}`;
    return { verdict: 'warning', text, hints };
  }
  const listed = `${source} still lists ${unchanged.length === 1 ? 'its key' : `its ${counted(unchanged.length, 'key')}`}`;
  const more = added.length + notTaken.length;
  if (more === 0) return { verdict: 'ok', text: listed };
  return { verdict: 'ok', text: `${listed}, and ${more} more`, hints };
}
