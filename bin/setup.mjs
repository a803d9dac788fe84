/**
 * Makes a fresh clone ready to run: system tools, node_modules, dist. `npm start` and `npm test`
 * call it first, so it has to work where nothing is installed or built yet: plain JavaScript, no
 * package. Where nothing is to do it says nothing and is quick; what it says goes to standard
 * error, because standard output belongs to the results of pysync.
 *
 *     node bin/setup.mjs                  what running pysync needs
 *     node bin/setup.mjs --test           what its tests need as well
 *     node bin/setup.mjs --finish-build   the part of `npm run build` that tsc does not do
 */
import { buildIfStale, finishBuild } from './setup/build.mjs';
import { installNodeModules } from './setup/node-modules.mjs';
import { installMissingTools } from './setup/tools.mjs';

/** What stops the set-up with a message a person can act on. Anything else is a bug of ours. */
class SetupError extends Error {}

const stop = (message) => {
  throw new SetupError(message);
};
const say = (line) => {
  process.stderr.write(`setup: ${line}\n`);
};

const options = process.argv.slice(2);
const unknown = options.find((option) => !['--test', '--finish-build'].includes(option));

try {
  if (unknown !== undefined) stop(`unknown option ${unknown}`);
  if (options.includes('--finish-build')) {
    finishBuild();
  } else {
    installMissingTools({ forTests: options.includes('--test'), say, stop });
    installNodeModules({ say, stop });
    buildIfStale({ say, stop });
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
