/** Does the sandbox hold? Proved by trying to get out of one that is made as for a transfer. */
import { PysyncError } from '../../errors.js';
import { findSandbox } from '../../sandbox/choose.js';
import { launcherSettings, makeLauncher } from '../../launcher/install.js';
import type { SandboxSettings } from '../../sandbox/sandbox.js';
import { sandboxes } from '../../sandbox/sandboxes.js';
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

async function prove(settings: SandboxSettings, folder: string): Promise<Finding[]> {
  const { broken, failure } = await findEscapes(settings, folder);
  if (failure !== undefined) {
    const hints = ['to look for another sandbox, or for what is missing:', 'pysync doctor --fix'];
    return [problem(`the sandbox does not start, so no peer gets in: ${failure}`, hints, again)];
  }
  if (broken.length > 0) {
    const hints = [
      `${settings.bwrap} does not do what it should; until it does, revoke the keys:`,
      'pysync revoke <peer>',
      'to have it as your system provides it:',
      'sudo apt-get install --reinstall bubblewrap',
    ];
    return broken.map((what) => problem(`a peer's rsync could ${what}`, hints));
  }
  return [ok(`nothing got out of it: ${sandboxes[settings.level].meaning}`)];
}

async function again(): Promise<string> {
  const { level } = await makeLauncher();
  return `wrote the launcher again; its sandbox: ${level}`;
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
    const settings = await findSandbox(folder.path, false);
    return await prove(settings, folder.path);
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    return [problem(error.message, error.hints)];
  } finally {
    folder.remove();
  }
}
