/**
 * Makes a fresh clone ready to run: system tools, node_modules, dist. `npm start` and `npm test`
 * call it first, so it has to work where nothing is installed or built yet: plain JavaScript, no
 * package. Where nothing is to do it says nothing and is quick; what it says goes to standard
 * error, because standard output belongs to the results of pysync.
 *
 *     node tools/setup.mjs                  what running pysync needs
 *     node tools/setup.mjs --test           what its tests need as well
 *     node tools/setup.mjs --demo           what recording the demo needs as well
 *     node tools/setup.mjs --patch          the patches of ssh2 alone, before it is packed
 *     node tools/setup.mjs --finish-build   the part of `npm run build` that tsc does not do
 *     node tools/setup.mjs --then PROGRAM ARGUMENT…
 *                                         what that call of pysync needs, then the call
 *
 * The last is for `npm start -- ARGUMENT…`: npm hands its arguments to the last command only, and
 * the large packages for a capped share are installed only where one is asked for.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildIfStale, finishBuild } from './setup/build.mjs';
import { openFuseDevice } from './setup/fuse.mjs';
import { installNodeModules } from './setup/node-modules.mjs';
import { applyPatches } from './setup/patches.mjs';
import { installMissingTools } from './setup/tools.mjs';

/** What stops the set-up with a message a person can act on. Anything else is a bug of ours. */
class SetupError extends Error {}

const stop = (message) => {
  throw new SetupError(message);
};
const say = (line) => {
  process.stderr.write(`setup: ${line}\n`);
};

const given = process.argv.slice(2);
const thenAt = given.indexOf('--then');
const options = thenAt < 0 ? given : given.slice(0, thenAt);
const [program, ...programArguments] = thenAt < 0 ? [] : given.slice(thenAt + 1);
const known = ['--test', '--demo', '--patch', '--finish-build'];
const unknown = options.find((option) => !known.includes(option));

function setUp() {
  if (unknown !== undefined) stop(`unknown option ${unknown}`);
  if (options.includes('--patch')) {
    applyPatches({ say, stop });
    return;
  }
  if (options.includes('--finish-build')) {
    finishBuild();
    return;
  }
  const forTests = options.includes('--test');
  const forDemo = options.includes('--demo');
  const forVolumes = programArguments.some((argument) => /^--size(?:=|$)/.test(argument));
  const serves = programArguments.some((argument) => ['serve', '--serve'].includes(argument));
  const purposes = [
    ...(serves || forDemo ? [] : ['sshd']),
    ...(forTests ? ['tests'] : []),
    ...(forDemo ? ['demo'] : []),
    ...(forTests || forDemo || forVolumes ? ['volumes'] : []),
  ];
  installMissingTools({ purposes, say, stop });
  if (forTests || forDemo) openFuseDevice({ say });
  installNodeModules({ say, stop });
  buildIfStale({ say, stop });
}

try {
  setUp();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exit(1);
}

if (program !== undefined) {
  // In this process: one to start less, and Ctrl-C reaches pysync and nobody else.
  const path = resolve(program);
  process.argv = [process.execPath, path, ...programArguments];
  await import(pathToFileURL(path));
}
