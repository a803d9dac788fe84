/**
 * The text of the launcher: the small sh script that is every imported key's forced command. Node
 * is gone before rsync starts; what stays during a transfer is this shell.
 */
import { quote } from './quote.js';
import type { Settings } from './settings.js';
import { formatSettings } from './settings.js';

export interface LauncherParts {
  /** Absolute path of the Node that runs the gate. */
  readonly node: string;
  /** Absolute path of this folder's main.js. */
  readonly main: string;
  /** The version of pysync that writes it. */
  readonly version: string;
  readonly settings: Settings;
}

/**
 * SECURITY: nothing of the client's environment but `SSH_ORIGINAL_COMMAND` and `SSH_CONNECTION`
 * reaches Node, and nothing at all reaches rsync (test/attacks/environment.test.ts). `eval` sees
 * only words that quote.ts made; it assigns them and runs nothing.
 */
export function launcherText({ node, main, version, settings }: LauncherParts): string {
  const words = formatSettings(settings);
  const lines: string[] = [];
  for (let i = 0; i < words.length; i += 2) {
    lines.push(`  ${quote(words[i] ?? '')} ${quote(words[i + 1] ?? '')} \\`);
  }
  return `#!/bin/sh
# Made by pysync ${version}, and made anew by it when something here changes. Do not edit.
# The forced command of the keys that pysync imported: asks for a decision, runs the one command
# that comes back, and tidies up after it.
PATH=/usr/bin:/bin
if [ ! -x ${quote(node)} ] || [ ! -r ${quote(main)} ]; then
  echo 'pysync: the receiving side has a problem; its owner can see it with: pysync status' >&2
  exit 1
fi
plan=$(exec /usr/bin/env -i \\
  SSH_ORIGINAL_COMMAND="\${SSH_ORIGINAL_COMMAND-}" SSH_CONNECTION="\${SSH_CONNECTION-}" \\
  ${quote(node)} ${quote(main)} \\
${lines.join('\n')}
  -- "$@") || exit 1
eval "set -- $plan"
log=$1 ended=$2 share=$3 mode=$4 filter=$5
shift 5

[ -z "$mode" ] || touch -r "$share" "$log.time"
if [ -n "$filter" ]; then "$@" 9<"$filter"; else "$@"; fi
status=$?

# The share's own mode and time are not a client's to change (rsync -a ./ HOST: sets them).
if [ -n "$mode" ]; then
  chmod "$mode" "$share"
  if [ "$share" -nt "$log.time" ] || [ "$share" -ot "$log.time" ]; then touch "$share"; fi
  rm -f "$log.time"
fi
printf 'pysync-end %s\\n' "$status" >>"$log"
mv "$log" "$ended"
exit "$status"
`;
}
