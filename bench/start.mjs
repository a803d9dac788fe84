/**
 * How fast the program and the gate start, against node itself.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { formatRatio, formatTime, takeTurns, time } from './measure.mjs';
import { asAccount, environment } from './variants.mjs';

export async function start(bench) {
  return `${await startOfProgram(bench)}\n\n${await startOfGate(bench)}`;
}

async function startOfProgram({ account, program }) {
  const options = { env: environment(account), cwd: account.home };
  const node =
    (...args) =>
    () =>
      time(asAccount(account, [process.execPath, ...args]), options);
  const candidates = [node('-e', '0'), node(program, '--help'), node(program, 'status')];
  const [bare, help, status] = await takeTurns('start', 30, candidates);
  return [
    '| start (30 rounds) | time | against `node -e 0` |',
    '|---|---|---|',
    `| \`node -e 0\` | ${formatTime(bare)} | 1 |`,
    `| \`pysync --help\` | ${formatTime(help)} | ${formatRatio(help, bare)} |`,
    `| \`pysync status\` | ${formatTime(status)} | ${formatRatio(status, bare)} |`,
  ].join('\n');
}

/**
 * The launcher up to the decision, with the gate and with an empty program in the gate's place; so
 * both have the same shell, the same arguments and the same environment.
 */
async function startOfGate({ folder, account }) {
  const keys = fs.readFileSync(join(account.home, '.ssh/authorized_keys'), 'utf8');
  const forced = /command="((?:[^"\\]|\\.)*pysync(?:[^"\\]|\\.)*--peer(?:[^"\\]|\\.)*)"/.exec(
    keys,
  )[1];
  const [, launcher] = /^'?([^' ]+)/.exec(forced);
  const launcherText = fs.readFileSync(launcher, 'utf8');
  const [, session] = /^program='?([^'\n]+)/m.exec(launcherText);
  const script = fs.readFileSync(join(session, 'launcher.sh'), 'utf8');
  const decision = launcherText.replace(/^\. .*$/m, () =>
    script.slice(0, script.indexOf('\neval ')),
  );
  const empty = join(folder, 'empty.js');
  fs.writeFileSync(empty, '');
  const write = (name, script) => {
    const path = join(folder, name);
    fs.writeFileSync(path, script, { mode: 0o755 });
    return forced.replace(launcher, path);
  };
  const commands = [
    write('bare-launcher', decision.replace('"$program/$name.js"', empty)),
    write('gate-launcher', decision),
  ];
  const env = {
    ...environment(account),
    SSH_CONNECTION: '127.0.0.1 50000 127.0.0.1 22',
    SSH_ORIGINAL_COMMAND: 'rsync --server -logDtpre.iLsfxCIvu . letter.txt',
  };
  const candidates = commands.map(
    (command) => () => time(asAccount(account, ['sh', '-c', command]), { env, cwd: account.home }),
  );
  const [bare, full] = await takeTurns('gate', 40, candidates);
  return [
    '| decision (40 rounds) | time | against an empty program |',
    '|---|---|---|',
    `| an empty program | ${formatTime(bare)} | 1 |`,
    `| the gate | ${formatTime(full)} | ${formatRatio(full, bare)} |`,
  ].join('\n');
}
