/**
 * The text of the launcher: the small sh script that is every imported key's forced command. Node
 * is gone before rsync starts; what stays during a transfer is this shell.
 */
import { quote } from './quote.js';
import { pieceBytes } from './rotation.js';
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
  const full = main.replace(/main\.js$/, 'full.js');
  const cli = main.replace(/gate\/main\.js$/, 'cli.js');
  const folders = { XDG_DATA_HOME: settings.data, XDG_STATE_HOME: settings.state };
  const dataVariables = Object.entries(folders)
    .map(([name, folder]) => quote(`${name}=${folder.slice(0, folder.lastIndexOf('/'))}`))
    .join(' ');
  const received = main.replace(/gate\/main\.js$/, 'history/received.js');
  const { onReceived, notifies } = settings;
  // Only where it is wanted: it starts Node once more. Nobody waits for it.
  const afterTransfer =
    onReceived === '' && !notifies
      ? ''
      : `if [ -n "$mode" ]; then
  : >"$ended.new"
  /usr/bin/env -i ${dataVariables} ${quote(node)} ${quote(received)} \\
    ${quote(onReceived)} ${String(notifies)} </dev/null >/dev/null &
fi
`;
  const lines: string[] = [];
  for (let i = 0; i < words.length; i += 2) {
    lines.push(`  ${quote(words[i] ?? '')} ${quote(words[i + 1] ?? '')} \\`);
  }
  return `#!/bin/sh
# Made by pysync ${version}, and made anew by it when something here changes. Do not edit.
# The forced command of the keys that pysync imported: asks for a decision, runs the one command
# that comes back, and tidies up after it.
PATH=/usr/bin:/bin
problem() {
  echo 'pysync: the receiving side has a problem; its owner can see it with: pysync doctor' >&2
}
fail() {
  problem
  exit 1
}
[ -x ${quote(node)} ] && [ -r ${quote(main)} ] || fail
plan=$(exec /usr/bin/env -i \\
  SSH_ORIGINAL_COMMAND="\${SSH_ORIGINAL_COMMAND-}" SSH_CONNECTION="\${SSH_CONNECTION-}" \\
  ${quote(node)} ${quote(main)} \\
${lines.join('\n')}
  -- "$@") || exit 1
eval "set -- $plan"
log=$1 ended=$2 share=$3 mode=$4 attributes=$5 filter=$6 cap=$7 pieces=$8
shift 8

if [ -n "$mode" ]; then
  touch -r "$share" "$log.time" 2>/dev/null || fail
fi
if [ -n "$attributes" ]; then
  ${quote(settings.rsync)} -dp"$attributes" "$share" "$log.top/" 2>/dev/null || fail
fi
# rsync writes its log into a pipe. What passes on is bounded; when that is used up nobody reads the
# pipe any more, and rsync goes on without a log.
keep_log() {
  dd bs=${pieceBytes} count="$pieces" 2>/dev/null
  if read -r more; then printf '\\npysync-cut\\n'; fi
}
mkfifo -m 600 "$log.pipe" || fail
keep_log <"$log.pipe" >>"$log" 2>/dev/null &
exec 8>"$log.pipe"
if [ -n "$filter" ]; then "$@" 8>&- 9<"$filter"; else "$@" 8>&-; fi
status=$?
exec 8>&-
wait
# The sender's rsync ends with this shell: what it takes for done shall outlive a power cut.
if [ -n "$cap" ] && [ -n "$mode" ] && ! sync -f "$share" 2>/dev/null; then
  if [ "$status" -eq 0 ]; then problem; status=11; fi
fi
rm -f "$log.pipe"
# Only the header: rsync has not even started, so something is wrong with the sandbox.
if [ "$status" -ne 0 ] && [ "$(wc -l <"$log")" -le 1 ]; then problem; fi
if [ -n "$cap" ] && [ "$status" -ne 0 ]; then
  /usr/bin/env -i ${quote(node)} ${quote(full)} "$share" "$cap" "$log"
fi
exec 2>/dev/null

# The share's own attributes, mode and time are not a client's to change (rsync -a ./ HOST: does).
if [ -n "$attributes" ]; then
  ${quote(settings.rsync)} -dp"$attributes" "$log.top/\${share##*/}" "\${share%/*}/"
  rm -rf "$log.top"
fi
if [ -n "$mode" ]; then
  chmod "$mode" "$share"
  if [ "$share" -nt "$log.time" ] || [ "$share" -ot "$log.time" ]; then touch "$share"; fi
  rm -f "$log.time"
fi
printf 'pysync-end %s\\n' "$status" >>"$log"
# The size stands in the name: see rotation.ts.
ended=$ended-$(($(wc -c <"$log"))).log
mv "$log" "$ended"
${afterTransfer}if [ -n "$cap" ] && [ "$status" -ne 0 ]; then
  # A volume that ran full may need a check before it can be written again.
  /usr/bin/env -i ${dataVariables} ${quote(node)} ${quote(cli)} mount "$share" </dev/null >/dev/null &
fi
exit "$status"
`;
}
