/** Writes dist/pysync.1, the man page, from the built program: a step of `npm run build`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine } from '../dist/commands/usage.js';
import { preferences } from '../dist/system/preferences.js';
import { manPage } from '../dist/shell/man-page.js';
import { projectFolder } from './setup/build.mjs';

const page = manPage(commandLine(), preferences, new Date());
writeFileSync(join(projectFolder, 'dist/pysync.1'), page);
