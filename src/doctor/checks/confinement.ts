/** Does the sandbox hold? Proved by trying to get out of one that is made as for a transfer. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PysyncError } from '../../errors.js';
import { findConfinement } from '../../sandbox/choose.js';
import { launcherSettings, makeLauncher } from '../../launcher/install.js';
import type { TrialSettings } from '../../sandbox/trial.js';
import { levelMeanings } from '../../sandbox/level-meanings.js';
import { dataFolder } from '../../system/folders.js';
import { makeTemporaryFolder } from '../../system/temporary.js';
import type { Check, Finding } from '../check.js';
import { findEscapes } from '../../sandbox/escape.js';
import { ok, problem, warning } from '../finding.js';

export const confinement: Check = {
  name: 'confinement',
  run: async () => {
    const settings = launcherSettings();
    if (settings === undefined) return tryWithoutLauncher();
    return settings.level === 'none' ? [withoutSandbox()] : prove(settings, dataFolder());
  },
};

async function prove(settings: TrialSettings, folder: string): Promise<Finding[]> {
  const { broken, open, failure } = await findEscapes(settings, folder);
  const program = settings.level === 'bubblewrap' ? settings.bwrap : settings.setpriv;
  if (failure !== undefined) {
    const hints = ['to look for another sandbox, or for what is missing:', 'pysync doctor --fix'];
    return [problem(`the sandbox does not start, so no peer gets in: ${failure}`, hints, again)];
  }
  if (broken.length > 0) {
    const hints = [
      `${program} does not do what it should; until it does, take the keys back:`,
      'pysync revoke <peer>',
      'to have it as your system brings it:',
      `sudo apt-get install --reinstall ${settings.level === 'bubblewrap' ? 'bubblewrap' : 'util-linux'}`,
    ];
    return broken.map((what) => problem(`a peer's rsync could ${what}`, hints));
  }
  const found = [ok(`nothing got out of it: ${levelMeanings[settings.level]}`)];
  for (const what of open) {
    found.push(
      warning(`a peer's rsync could ${what}, from which Landlock does not keep it`, [
        'sudo apt-get install bubblewrap',
      ]),
    );
  }
  return found;
}

async function again(): Promise<string> {
  const { level } = await makeLauncher(join(homedir(), '.ssh', 'authorized_keys'), undefined);
  return `made the launcher anew; its sandbox: ${level}`;
}

function withoutSandbox(): Finding {
  return warning(
    'there is NO SANDBOX, by your own word (--confine none)',
    [
      'only argument checks and rsync itself keep a peer inside the share; on Linux:',
      'sudo apt-get install bubblewrap',
      'then: pysync doctor --fix',
    ],
    again,
  );
}

/** Before the first import: would there be one? */
async function tryWithoutLauncher(): Promise<Finding[]> {
  const folder = makeTemporaryFolder();
  try {
    const settings = await findConfinement('', false, folder.path);
    return await prove(settings, folder.path);
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    return [problem(error.message, error.hints)];
  } finally {
    folder.remove();
  }
}
