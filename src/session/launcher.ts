/**
 * The text of the launcher: the small sh script that is every imported key's forced command. Node
 * is gone before rsync starts; what stays during a transfer is this shell.
 */
import { quote } from '../gate/quote.js';
import { placeDescriptor, refusedStatus } from '../sandbox/confine.js';
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
  const full = main.replace(/entry\.js$/, 'full.js');
  const after = main.replace(/entry\.js$/, 'after.js');
  const cli = main.replace(/session\/entry\.js$/, 'cli.js');
  const folders = { XDG_DATA_HOME: settings.data, XDG_STATE_HOME: settings.state };
  const dataVariables = Object.entries(folders)
    .map(([name, folder]) => quote(`${name}=${folder.slice(0, folder.lastIndexOf('/'))}`))
    .join(' ');
  const received = main.replace(/session\/entry\.js$/, 'history/received.js');
  const { onReceived, notifies } = settings;
  // Only where it is wanted: it starts Node once more. Nobody waits for it.
  const afterTransfer =
    onReceived === '' && !notifies
      ? ''
      : `if [ "$direction" = push ]; then
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
# Runs a program of pysync's with the settings of this machine; always in a subshell.
run() {
  program=$1
  shift
  exec /usr/bin/env -i \\
  SSH_ORIGINAL_COMMAND="\${SSH_ORIGINAL_COMMAND-}" SSH_CONNECTION="\${SSH_CONNECTION-}" \\
  ${quote(node)} "$program" \\
${lines.join('\n')}
  -- "$@"
}
plan=$(run ${quote(main)} "$@") || {
  # 11: there is no room for anything.
  [ $? -ne 11 ] || exit 11
  exit 1
}
eval "set -- $plan"
log=$1 ended=$2 share=$3 direction=$4 folder=$5 finish=$6 place=$7 identity=$8 filter=$9
shift 9
cap=$1 pieces=$2
shift 2

# The one folder that may be written where something is deleted. Opened here and mounted by bwrap as
# this descriptor, it stays the one that was looked at, whatever is renamed meanwhile.
if [ -n "$place" ]; then
  exec ${placeDescriptor}<"$share/$place/." || fail
  [ "$(stat -L -c %d:%i /proc/self/fd/${placeDescriptor})" = "$identity" ] || fail
fi
# rsync writes its log into a pipe. What passes on is bounded; when that is used up nobody reads the
# pipe any more, and rsync goes on without a log. Each end is opened while the other one is open, so
# that nothing waits for it.
keep_log() {
  dd bs=${pieceBytes} count="$pieces" 2>&-
  if read -r more; then printf '\\npysync-cut\\n'; fi
}
mkfifo -m 600 "$log.pipe" || fail
exec 7<>"$log.pipe" 6<"$log.pipe" 8>"$log.pipe" 7>&-
(
  exec 8>&-
  keep_log
) <&6 >>"$log" &
exec 6<&-
if [ -n "$filter" ]; then "$@" 8>&- 9<"$filter"; else "$@" 8>&-; fi
status=$?
exec 8>&-
wait
told=
if [ "$status" -eq ${refusedStatus} ]; then told=yes status=1; fi
# What is left in the session's own folder still has to be moved, noted or removed.
if [ -n "$folder" ]; then
  own=$share/$folder
  # Empty folders, and the pipe with them: each program that is started here keeps the sender waiting.
  if [ -z "$finish" ]; then
    rm -df "$log.pipe" "$own/tmp" "$own/parts" "$own/old" "$own" "\${own%/*}" 2>&-
  fi
  if [ -d "$own" ] && ! (run ${quote(after)} "$log"); then
    [ "$status" -ne 0 ] || status=23
  fi
  # A time of the share's own folder is not a client's to set (rsync -a ./ HOST: does).
  if [ -d "\${own%/*}" ]; then touch -c "$share"; fi
fi
# The sender's rsync ends with this shell: what it takes for done shall outlive a power cut.
if [ -n "$cap" ] && [ "$direction" = push ] && ! sync -f "$share" 2>&-; then
  if [ "$status" -eq 0 ]; then problem; status=11; fi
fi
# Only the header: rsync has not even started, so something is wrong with the sandbox.
if [ -z "$told" ] && [ "$status" -ne 0 ] && [ "$(wc -l <"$log")" -le 1 ]; then problem; fi
if [ -n "$cap" ] && [ "$status" -ne 0 ]; then
  /usr/bin/env -i ${quote(node)} ${quote(full)} "$share" "$cap" "$log"
fi
if [ -e "$log.pipe" ]; then rm -f "$log.pipe"; fi
exec 2>&-

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
