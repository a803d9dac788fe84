/** `pysync explain`: what the gate would do with a server command, and why. Runs nothing. */
import { abilitiesOf } from '../sandbox/sandboxes.js';
import { decide } from '../gate/decide.js';
import { NotRsync, readCommand } from '../gate/request.js';
import type { Decision } from '../gate/decide.js';
import type { Policy } from '../gate/policy.js';
import { quoteAll } from '../gate/quote.js';
import { Refusal } from '../gate/refusal.js';
import { launcherSettings } from '../launcher/install.js';
import { sharePath } from '../share/share.js';
import { defaultShare } from '../system/folders.js';
import { print, printJson, style } from '../system/output.js';
import { printable } from '../system/text.js';
import { readAccess, readFolder } from './words/options.js';
import type { Options } from './words/options.js';

interface Explanation {
  readonly allowed: boolean;
  readonly reason: string;
  readonly hints: readonly string[];
  readonly direction?: 'push' | 'pull';
  /** rsync's words as the sandbox gets them. */
  readonly command?: readonly string[];
  /** The places behind them, relative to the share; wildcards are expanded in the sandbox. */
  readonly places?: readonly string[];
}

export function run(args: readonly string[], options: Options): Promise<void> {
  const policy: Policy = {
    peer: 'peer',
    key: `SHA256:${'A'.repeat(43)}`,
    share: sharePath(readFolder(options) ?? defaultShare()),
    access: readAccess(options),
    allowDelete: options['allowDelete'] === true,
    source: 'explain',
    imported: '2000-01-01T00:00:00Z',
  };
  const explanation = explain(policy, args[0] ?? '');
  if (options['json'] === true) printJson(explanation);
  else printExplanation(explanation);
  return Promise.resolve();
}

function explain(policy: Policy, command: string): Explanation {
  const settings = launcherSettings();
  const abilities =
    settings === undefined
      ? { hidesOutside: true, root: '/share', dropsDevices: true, confinesRoot: false }
      : abilitiesOf(settings, policy.share);
  try {
    const request = readCommand(command);
    if (request.secluded) {
      const reason =
        'the words that follow over standard input (-s) are read first, and checked like any others';
      return { allowed: true, reason, hints: [] };
    }
    const decision = decide(policy, abilities, request);
    return {
      allowed: true,
      reason: reasonOf(decision, policy),
      hints: [],
      direction: decision.direction,
      command: ['rsync', ...decision.arguments, '--', '.'],
      places: decision.places.map(({ path }) => path),
    };
  } catch (error) {
    if (error instanceof Refusal) {
      return { allowed: false, reason: error.message, hints: error.hints };
    }
    if (!(error instanceof NotRsync)) throw error;
    const reason = 'it is not for `rsync --server`, and this key is for nothing else';
    return { allowed: false, reason, hints: /^\s*rsync\s/.test(command) ? clientHints : [] };
  }
}

/** For what a sender types, given in place of what then reaches this machine. */
const clientHints = [
  'give what the sender’s rsync asks of this machine, and not what the sender types;',
  "behind 'Sending command:' it shows with: rsync -e 'ssh -v' …",
];

function reasonOf({ direction, places }: Decision, { share }: Policy): string {
  const named = places.map(({ path }) => printable(path)).join(', ');
  return direction === 'push'
    ? `it sends into ${share}, to ${named}`
    : `it fetches from ${share}: ${named}`;
}

function printExplanation(explanation: Explanation): void {
  const { allowed, reason, hints, command, places = [] } = explanation;
  print(`${allowed ? style.good('allowed') : style.bad('refused')}: ${printable(reason)}`);
  for (const hint of hints) print(`  ${printable(hint)}`);
  if (command === undefined) return;
  print(`  runs: ${printable([quoteAll(command), ...places].join(' '))}`);
}
