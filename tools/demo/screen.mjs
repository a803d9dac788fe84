/**
 * The screen: an X server without a monitor, an xterm on it, and in that a tmux with a pane for
 * each host, which types and reads.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { asUser, ground, run } from './stage.mjs';
import { waitFor } from './wait.mjs';

const [columns, rows, margin] = [104, 38, 6];
const [paper, ink, dim] = ['#0d1117', '#e6edf3', '#30363d'];
/** Of the terminal's colours 1 to 6: xterm's own are too dark for that paper. */
const palette = ['#ff7b72', '#7ee787', '#e3b341', '#79c0ff', '#d2a8ff', '#a5d6ff'];
const font = 'DejaVu Sans Mono:pixelsize=13';

const tmux = (...args) => run('tmux', '-S', join(ground, 'tmux'), ...args);

/** Opens it with the hosts from top to bottom; a host's `rows` say how high its pane is. */
export async function openScreen(hosts) {
  const display = await startXServer();
  const [first, ...others] = hosts;
  const shell = (host) => ['--', ...asUser(host), ...shellOf(host)];
  fs.writeFileSync(join(ground, 'tmux.conf'), settings.join('\n'));
  const size = ['-x', columns, '-y', rows];
  tmux('-f', join(ground, 'tmux.conf'), 'new-session', '-d', ...size, ...shell(first));
  for (const host of others) tmux('split-window', '-v', '-l', host.rows, ...shell(host));
  hosts.forEach((host, index) => {
    host.pane = `:0.${index}`;
    tmux('set-option', '-p', '-t', host.pane, '@label', labelOf(host));
  });
  const look = ['-b', margin, '-bw', 0, '-bg', paper, '-fg', ink, '-fa', font, '+sb'];
  const marks = ['alwaysHighlight: true', 'cursorBlink: false', `cursorColor: ${ink}`];
  const colours = palette.map((colour, index) => `color${index + 1}: ${colour}`);
  const resources = [...marks, ...colours].flatMap((mark) => ['-xrm', `XTerm*${mark}`]);
  const attach = ['tmux', '-S', join(ground, 'tmux'), 'attach'];
  const words = ['-geometry', `${columns}x${rows}+0+0`, ...look, ...resources, '-e', ...attach];
  spawn('xterm', words.map(String), {
    env: { ...process.env, DISPLAY: display },
    stdio: 'inherit',
  });
  const cell = '#{client_cell_width} #{client_cell_height}';
  const [width, height] = await waitFor('the terminal', () => {
    const sizes = tmux('list-clients', '-F', cell).trim().split(' ').map(Number);
    return sizes[0] > 0 && sizes;
  });
  for (const host of hosts) await waitToShow(host, prompt);
  tmux('select-pane', '-t', first.pane);
  const even = (length) => length - (length % 2);
  return {
    display,
    width: even(columns * width + 2 * margin),
    height: even(rows * height + 2 * margin),
  };
}

async function startXServer() {
  const args = ['-displayfd', '1', '-screen', '0', '1600x1200x24', '-nolisten', 'tcp'];
  const server = spawn('Xvfb', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const number = await new Promise((resolve, reject) => {
    server.stdout.once('data', resolve);
    server.once('close', () => reject(new Error('Xvfb did not start')));
  });
  return `:${String(number).trim()}`;
}

const settings = [
  'set -g status off',
  'set -g default-terminal tmux-256color',
  'set -ga terminal-overrides ",xterm*:Tc"',
  'set -g pane-border-status top',
  "set -g pane-border-format ' #{@label} '",
  `set -g pane-border-style 'fg=${dim}'`,
  `set -g pane-active-border-style 'fg=${dim}'`,
  'set -g escape-time 0',
  'set -g history-limit 5000',
];

const labelOf = ({ name, user, address, role, colour }) =>
  `#[fg=${paper},bg=${colour},bold] ${user}@${name} #[default] #[fg=${colour}]${role}, ${address}#[default]`;

function shellOf({ user, colour }) {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  const file = join(ground, `${user}.bashrc`);
  const coloured = `\\[\\e[1;38;2;${red};${green};${blue}m\\]\\u@\\h\\[\\e[0m\\]:\\w\\$ `;
  fs.writeFileSync(file, `PS1='${coloured}'\nunset HISTFILE\n`);
  return ['env', 'TERM=tmux-256color', 'bash', '--noprofile', '--rcfile', file];
}

/** What stands on the pane now; lines that are too long for it are put together again. */
const read = ({ pane }) => tmux('capture-pane', '-p', '-J', '-t', pane).trimEnd();

/** A prompt where nothing has been typed yet, at the end of what a pane shows. */
export const prompt = /\$$/;

/** Waits until the pane shows something that matches `pattern`. */
export async function waitToShow(host, pattern, seconds = 120) {
  let shown;
  const matches = () => pattern.test((shown = read(host)));
  await waitFor(String(pattern), matches, seconds).catch((error) => {
    throw new Error(`${error.message} in:\n${shown}`);
  });
}

/** Types as a quick person does, and presses no key at the end. */
export async function type(host, text) {
  tmux('select-pane', '-t', host.pane);
  let due = Date.now();
  for (const [index, letter] of [...text].entries()) {
    tmux('send-keys', '-t', host.pane, '-l', letter);
    // Unlike from letter to letter, the same each time, and not slower on a busy machine.
    due += 30 + ((index * 37) % 5) * 9 + (letter === ' ' ? 40 : 0);
    await delay(due - Date.now());
  }
  await waitFor('what was typed', () => read(host).endsWith(text.trimEnd()));
}

export function press(host, key) {
  tmux('select-pane', '-t', host.pane);
  tmux('send-keys', '-t', host.pane, key);
}

/** Lines that did not fit the pane: they look bad, and the text should be made shorter. */
export function wrappedLines({ pane }) {
  const get = (...more) => tmux('capture-pane', '-p', '-S', '-', ...more, '-t', pane).split('\n');
  const broken = new Set(get());
  return get('-J')
    .map((line) => line.trimEnd())
    .filter((line) => !broken.has(line));
}
