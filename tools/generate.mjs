/**
 * What is made from the command line as it is declared, from the built program: the man page, the shells'
 * completions, and the help, which is shown without building the command line once more. A step of
 * `npm run build`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { declareProgram } from '../dist/commands/program.js';
import { commandLine } from '../dist/commands/usage.js';
import { bashCompletion } from '../dist/shell/bash.js';
import { fishCompletion } from '../dist/shell/fish.js';
import { manPage } from '../dist/shell/man-page.js';
import { zshCompletion } from '../dist/shell/zsh.js';
import { preferences } from '../dist/system/preferences.js';
import { projectFolder } from './setup/build.mjs';

const line = commandLine();
const files = {
  'pysync.1': manPage(line, preferences, new Date()),
  'shell/bash.txt': bashCompletion(line),
  'shell/zsh.txt': zshCompletion(line),
  'shell/fish.txt': fishCompletion(line),
  // As for a terminal of 80 columns, which is what one gets without a terminal, too.
  'shell/help.txt': helpText(),
};
mkdirSync(join(projectFolder, 'dist/shell'), { recursive: true });
for (const [name, text] of Object.entries(files)) {
  writeFileSync(join(projectFolder, 'dist', name), text);
}

function helpText() {
  const { program } = declareProgram();
  let text = '';
  program.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => 80,
    getOutHasColors: () => false,
  });
  program.outputHelp();
  return text;
}
