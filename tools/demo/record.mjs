/**
 * npm run demo:record: records pysync-demo.gif again, from the real program on two real hosts.
 *
 * Needs root on Linux. What it starts runs in namespaces of its own (mounts, processes, network,
 * host name), with its own /etc, /home and /tmp, so the accounts anna and bob never exist outside
 * of them, and all of it ends with this program, however that ends. One folder remains to be
 * removed, and is.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleaningUp } from '../../bench/clean-up.mjs';
import { copyProgram } from '../../bench/copy-program.mjs';
import { gif } from './stage.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const result = join(dirname(dirname(here)), 'pysync-demo.gif');

/** Not the caller's: with TMUX in it, for one, tmux would not start. */
const environment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
  TERM: 'xterm-256color',
};

if (process.platform !== 'linux' || process.getuid() !== 0) {
  console.error('demo: this needs root on Linux; try: sudo npm run demo:record');
  process.exit(2);
}

process.exitCode = await cleaningUp(async (undo) => {
  // Not below /tmp, which may lie in memory: a volume of 1G and the files that are sent go here.
  const folder = fs.mkdtempSync('/var/tmp/pysync-demo-');
  // Processes that are being ended may still write for a moment.
  const again = { maxRetries: 20, retryDelay: 100 };
  undo.push(() => fs.rmSync(folder, { recursive: true, force: true, ...again }));
  fs.chmodSync(folder, 0o755);

  const tools = join(folder, 'home/.tools');
  fs.mkdirSync(tools, { recursive: true });
  fs.symlinkSync(`program/bin/pysync.js`, join(tools, 'pysync'));
  copyProgram(join(tools, 'program'));
  // Version managers keep node in one's home, where nobody else may look.
  fs.copyFileSync(process.execPath, join(tools, 'node'));

  const unshare = ['--mount', '--uts', '--ipc', '--net', '--pid', '--fork', '--mount-proc'];
  const stage = spawn(
    'unshare',
    [...unshare, '--kill-child', process.execPath, join(here, 'scene.mjs'), folder],
    { env: environment, stdio: ['ignore', 'inherit', 'inherit'], detached: true },
  );
  undo.push(() => stage.kill('SIGKILL'));
  const status = await new Promise((resolve) => stage.once('close', resolve));
  if (status !== 0) return 1;
  fs.copyFileSync(join(folder, gif), result);
  console.error(`demo: ${result}: ${Math.round(fs.statSync(result).size / 1000)} kB`);
  return 0;
});
