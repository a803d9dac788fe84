/** Which rsync serves the peers, and what is known to be wrong with it? */
import { launcherSettings } from '../../launcher/install.js';
import { run } from '../../system/run.js';
import { lookForTool } from '../../system/tools.js';
import type { Check } from '../check.js';
import { ok, problem, warning } from '../finding.js';
import { isOlder, rsyncFaults } from '../rsync-faults.js';

export const rsync: Check = {
  name: 'rsync',
  run: async () => {
    const path = launcherSettings()?.rsync ?? lookForTool('rsync');
    if (path === undefined) {
      return [problem('it is not installed', ['sudo apt-get install rsync'])];
    }
    // Run by env(1), since the launcher may use another than the first that is found.
    const { stdout, stderr, exitCode } = await run('env', [path, '--version'], {
      purpose: 'ask rsync for its version',
      expectExit: 'any',
    });
    const text = stdout + stderr;
    if (/^openrsync/m.test(text)) {
      return [
        problem(`${path} is openrsync, which lacks what pysync needs of a server`, [
          'brew install rsync',
          '(elsewhere: install the package rsync), then: pysync doctor --fix',
        ]),
      ];
    }
    const version = /^rsync +version (\S+)/m.exec(text)?.[1]?.replace(/^v/, '');
    if (version === undefined) {
      const how = `status ${exitCode}: ${text.trim().split('\n')[0] ?? ''}`;
      return [problem(`${path} does not say its version (${how})`, ['reinstall rsync'])];
    }
    const faults = rsyncFaults.filter(({ fixedIn }) => isOlder(version, fixedIn));
    if (faults.length === 0)
      return [ok(`${version} (${path}), nothing is known to be wrong with it`)];
    return [
      warning(`${version} (${path}) has known faults, which the sandbox keeps in the share`, [
        ...faults.map(({ fixedIn, what }) => `until ${fixedIn}: ${what}`),
        'your system may have fixed some of them without changing the number; to get all its fixes:',
        'sudo apt-get install --only-upgrade rsync',
      ]),
    ];
  },
};
