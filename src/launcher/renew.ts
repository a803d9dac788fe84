/**
 * A program of its own, run for a connection that found something upgraded or moved
 * (session/settings.ts): finds the sandbox again. Ends with status 1 where none holds.
 */
import { existsSync } from 'node:fs';
import { launcherPath, makeLauncher } from './install.js';

// Where the launcher is gone, pysync is being uninstalled: nothing of it is to come back.
const renewed = existsSync(launcherPath()) ? makeLauncher() : Promise.reject(new Error('gone'));
renewed.catch(() => {
  process.exitCode = 1;
});
