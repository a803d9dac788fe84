/**
 * Does the login shell leave rsync's conversation alone? It is started as sshd starts it for a forced
 * command (session.c, do_child), with a `cat` in the place of the launcher: what goes in has to come
 * out, and nothing else.
 */
import { randomBytes } from 'node:crypto';
import { homedir, userInfo } from 'node:os';
import { basename } from 'node:path';
import { PysyncError } from '../../errors.js';
import { run } from '../../system/run.js';
import type { RunResult } from '../../system/run.js';
import type { Check, Finding } from '../check.js';
import { ok, problem, warning } from '../finding.js';

const limitMs = 5000;
const slowMs = 1500;

export const loginShell: Check = {
  name: 'login shell',
  run: async () => {
    const shell = userInfo().shell ?? '/bin/sh';
    const sent = `${randomBytes(8).toString('hex')}\n`.repeat(3);
    const begun = Date.now();
    try {
      const result = await runLikeSshd(shell, sent);
      return judge(shell, sent, result, Date.now() - begun);
    } catch (error) {
      if (!(error instanceof PysyncError)) throw error;
      return error.code === 'TOOL_TIMED_OUT'
        ? [
            problem(
              `${shell} does not come to the command within ${limitMs / 1000} s`,
              where(shell),
            ),
          ]
        : [problem(`${shell} could not be run: ${error.message}`)];
    }
  },
};

function runLikeSshd(shell: string, input: string): Promise<RunResult> {
  const { username } = userInfo();
  const home = homedir();
  const variables = [
    `USER=${username}`,
    `LOGNAME=${username}`,
    `HOME=${home}`,
    'PATH=/usr/local/bin:/usr/bin:/bin:/usr/games',
    `SHELL=${shell}`,
    // By these, bash knows that it is run by sshd and reads ~/.bashrc.
    'SSH_CLIENT=127.0.0.1 50000 22',
    'SSH_CONNECTION=127.0.0.1 50000 127.0.0.1 22',
  ];
  const script = 'cd "$1" && shift && exec env -i "$@"';
  return run('sh', ['-c', script, 'sh', home, ...variables, shell, '-c', 'cat'], {
    purpose: 'try the login shell',
    timeoutMs: limitMs,
    expectExit: 'any',
    input,
  });
}

function judge(
  shell: string,
  sent: string,
  { stdout, stderr, exitCode }: RunResult,
  took: number,
): Finding[] {
  const at = stdout.lastIndexOf(sent);
  const text = at === -1 ? stdout : stdout.slice(0, at) + stdout.slice(at + sent.length);
  if (at === -1) return [swallowed(shell, sent, stdout, stderr, exitCode)];
  const found: Finding[] = [];
  if (text !== '') {
    found.push(
      problem(`it prints this, which breaks rsync: '${shorten(text)}'`, [
        ...where(shell),
        'to find the line that prints it:',
        `SSH_CLIENT=x ${shell} -c true`,
      ]),
    );
  }
  if (stderr !== '') {
    const what = `it prints this as an error, which each peer sees: '${shorten(stderr)}'`;
    found.push(warning(what, where(shell)));
  }
  if (took > slowMs) {
    const seconds = (took / 1000).toFixed(1);
    found.push(warning(`it takes ${seconds} s to start, for each transfer`, where(shell)));
  }
  return found.length > 0 ? found : [ok(`${shell} prints nothing of its own`)];
}

/** The command was not run, or found a part of what was for it gone. */
function swallowed(
  shell: string,
  sent: string,
  stdout: string,
  stderr: string,
  exitCode: number,
): Finding {
  const rest = stdout.split(sent.slice(0, sent.length / 3)).join('');
  if (rest !== stdout) {
    return problem('it reads what is meant for rsync', where(shell));
  }
  const said = shorten((stdout + stderr).trim());
  const how = said === '' ? `it ends with status ${exitCode}` : `it says '${said}'`;
  return problem(`${shell} does not run the command: ${how}`, where(shell));
}

function where(shell: string): string[] {
  if (basename(shell) === 'bash') {
    return ['put this in front of all other lines of ~/.bashrc:', '[[ $- != *i* ]] && return'];
  }
  const files: Readonly<Record<string, string>> = {
    zsh: 'look into ~/.zshenv, and move it from there to ~/.zshrc',
    fish: 'look into ~/.config/fish, and put it between: if status is-interactive … end',
    nologin: `sudo chsh --shell /bin/sh ${userInfo().username}`,
    false: `sudo chsh --shell /bin/sh ${userInfo().username}`,
  };
  return [files[basename(shell)] ?? `look into what ${shell} reads when it starts`];
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
