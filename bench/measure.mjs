/**
 * Runs that take turns, and what is made of their times.
 *
 * A machine's speed drifts by more than the differences looked for here. So each round runs every
 * candidate once, right after one another and in an order that rotates, and what counts is the
 * median of the rounds' ratios, never a ratio of two averages.
 */
import { spawn } from 'node:child_process';

/** Runs a command to its end and gives its milliseconds; throws where it fails. */
export async function time([command, ...args], options = {}) {
  const begin = process.hrtime.bigint();
  await run([command, ...args], options);
  return Number(process.hrtime.bigint() - begin) / 1e6;
}

/** Runs a command to its end and gives what it printed; throws where it fails. */
export function run([command, ...args], { env, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`exit ${code}: ${[command, ...args].join(' ')}\n${stderr}`));
    });
  });
}

/**
 * `candidates` is a list of functions that each do the work once and give its milliseconds. Gives
 * one list of times for each, in step: the times at one index are of one round.
 */
export async function takeTurns(label, rounds, candidates) {
  const times = candidates.map(() => []);
  // One round more than is counted: the first warms caches up.
  for (let round = -1; round < rounds; round += 1) {
    progress(`\r${label}: round ${Math.max(round + 1, 1)} of ${rounds} `);
    for (let i = 0; i < candidates.length; i += 1) {
      const turn = (i + round + 1) % candidates.length;
      const elapsed = await candidates[turn]();
      if (round >= 0) times[turn].push(elapsed);
    }
  }
  progress('\n');
  return times;
}

export function median(numbers) {
  return quantile(numbers, 0.5);
}

/** The median of the rounds' ratios, with the middle half of them in brackets. */
export function formatRatio(times, base) {
  const ratios = times.map((elapsed, round) => elapsed / base[round]);
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quantile(ratios, part).toFixed(3));
  return `**${middle}** (${low}–${high})`;
}

export function formatTime(times) {
  const middle = median(times);
  return middle < 1000 ? `${middle.toFixed(0)} ms` : `${(middle / 1000).toFixed(2)} s`;
}

function quantile(numbers, part) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const position = (sorted.length - 1) * part;
  const below = Math.floor(position);
  const above = Math.ceil(position);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(text);
}
