/** Are the folders that peers send into there, fit for it, and not full? */
import { accessSync, constants, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { errnoOf, PysyncError } from '../../errors.js';
import { quoteAll } from '../../gate/quote.js';
import { importedKeys } from '../../keys/imported.js';
import { cappedShares } from '../../share/registry.js';
import { makeShare, sharePath } from '../../share/share.js';
import { formatSize } from '../../system/sizes.js';
import type { Check, Finding } from '../check.js';
import { ok, problem, warning } from '../finding.js';

/** Bytes below which a disk counts as nearly full. */
const fewBytes = 200 * 2 ** 20;

export const shares: Check = {
  name: 'shares',
  run: async () => {
    const { keys } = await importedKeys();
    const capped = (await cappedShares()).map(({ path }) => path);
    const used = [...new Set(keys.map(({ policy }) => policy.share))];
    const paths = used.filter((path) => !capped.includes(path));
    if (used.length === 0) return [ok('none is used by a key yet')];
    const found = [
      ...(await Promise.all(paths.map(lookAt))).flat(),
      ...paths.flatMap(unsafe),
      ...nested([...new Set([...used, ...capped])]),
    ];
    if (found.length > 0) return found;
    if (paths.length === 0) return [ok('all are capped, and so volumes')];
    return [ok(`${paths.join(', ')}: there, and can be written`)];
  },
};

/** Looks at a share without a cap; a volume is another check's. */
async function lookAt(path: string): Promise<Finding[]> {
  try {
    if (!statSync(path).isDirectory()) return [problem(`${path} is not a folder`)];
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [gone(path)];
    const command = `chmod u+rwx ${quoteAll([path])}`;
    return [problem(`${path} is closed to you, so nobody can send into it`, [command])];
  }
  const { bavail, bsize, blocks } = await statfs(path);
  const free = bavail * bsize;
  if (blocks === 0 || free >= fewBytes) return [];
  const text = `${path}: the disk has ${formatSize(free)} left`;
  return [free === 0 ? problem(text, ['free some space']) : warning(text, ['free some space'])];
}

function gone(path: string): Finding {
  const make = (): Promise<string> => {
    makeShare(path);
    return Promise.resolve(`made ${path}`);
  };
  const text = `${path} is not there, so nobody can send into it`;
  return problem(text, [`mkdir -m 700 ${quoteAll([path])}`], make);
}

/** What was a fit place at the import may have become a link into another since. */
function unsafe(path: string): Finding[] {
  try {
    const now = sharePath(path);
    if (now === path) return [];
    return [
      problem(`${path} has become a link to ${now}`, [
        'put the folder back, or import the keys again for another one with --dir',
      ]),
    ];
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    return [problem(error.message, error.hints)];
  }
}

function nested(paths: readonly string[]): Finding[] {
  return paths.flatMap((inner) =>
    paths
      .filter((outer) => inner.startsWith(`${outer}/`))
      .map((outer) =>
        warning(`${inner} lies in ${outer}, so the peers of ${outer} reach it too`, [
          'choose folders that do not hold each other: pysync -i <key> --dir <dir>',
        ]),
      ),
  );
}
