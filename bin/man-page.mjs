/** Writes dist/pysync.1, the man page, from the built program: the last step of `npm run build`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import usage from '../dist/commands/usage.js';
import preferences from '../dist/system/preferences.js';
import page from '../dist/usage/man-page.js';
import { projectFolder } from './setup/build.mjs';

const words = page.manPage(usage.commandLine(), preferences.preferences, new Date());
writeFileSync(join(projectFolder, 'dist/pysync.1'), words);
