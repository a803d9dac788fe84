/**
 * A program of its own, run for a connection that found something upgraded or moved
 * (session/settings.ts): finds the sandbox again. Ends with status 1 where none holds.
 */
import { makeLauncher } from './install.js';

makeLauncher().catch(() => {
  process.exitCode = 1;
});
