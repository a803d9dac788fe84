# shellcheck shell=sh
# The forced command of the keys that pysync imported: asks for a decision, runs the one command that
# comes back, and tidies up after it. Read by the few lines that launcher/script.ts writes, which set:
#   node     the Node that runs pysync
#   program  this folder
#   data     the owner's XDG_DATA_HOME
#   state    the owner's XDG_STATE_HOME
#   config   the owner's XDG_CONFIG_HOME
# The arguments are the policy of the key that logged in.
#
# SECURITY: nothing of the client's environment but SSH_ORIGINAL_COMMAND and SSH_CONNECTION reaches
# Node, and nothing at all reaches rsync (test/attacks/environment.test.ts). `eval` sees only words
# that gate/quote.ts made; it assigns them and runs nothing.
PATH=/usr/bin:/bin
problem() {
  echo 'pysync: the receiving side has a problem; its owner can see it with: pysync doctor' >&2
}
fail() {
  problem
  exit 1
}
# Becomes a program of pysync's; always in a subshell.
run() {
  name=$1
  shift
  # shellcheck disable=SC2154
  exec /usr/bin/env -i "XDG_DATA_HOME=$data" "XDG_STATE_HOME=$state" "XDG_CONFIG_HOME=$config" \
    "SSH_ORIGINAL_COMMAND=${SSH_ORIGINAL_COMMAND-}" "SSH_CONNECTION=${SSH_CONNECTION-}" \
    "$node" "$program/$name.js" "$@"
}
plan=$(run entry "$@") || {
  # 11: there is no room for anything.
  [ $? -ne 11 ] || exit 11
  exit 1
}
# In the order of planWords in session/plan.ts.
eval "set -- $plan"
log=$1 ended=$2 share=$3 direction=$4 folder=$5 finish=$6 place=$7 identity=$8 filter=$9
shift 9
cap=$1 pieces=$2 tells=$3
shift 3

# The one folder that may be written where something is deleted. Opened here and mounted by bwrap as
# this descriptor, it stays the one that was looked at, whatever is renamed meanwhile.
if [ -n "$place" ]; then
  exec 5<"$share/$place/." || fail
  [ "$(stat -L -c %d:%i /proc/self/fd/5)" = "$identity" ] || fail
fi
# rsync writes its log into a pipe. What passes on is bounded; when that is used up nobody reads the
# pipe any more, and rsync continues without a log. Each end is opened while the other one is open, so
# that nothing waits for it. 256 bytes is pieceBytes in rotation.ts.
keep_log() {
  dd bs=256 count="$pieces" 2>&-
  if read -r _; then printf '\npysync-cut\n'; fi
}
mkfifo -m 600 "$log.pipe" || fail
# shellcheck disable=SC2094
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
# As enter-destination.sh ends where it has told the sender why; rsync has no such status.
if [ "$status" -eq 99 ]; then told=yes status=1; fi
# What is left in the session's own folder still has to be moved, noted or removed.
if [ -n "$folder" ]; then
  own=$share/$folder
  # Empty folders, and the pipe with them: each program that is started here keeps the sender waiting.
  if [ -z "$finish" ]; then
    rm -df "$log.pipe" "$own/tmp" "$own/parts" "$own/old" "$own" "${own%/*}" 2>&-
  fi
  if [ -d "$own" ] && ! (run after "$log"); then
    [ "$status" -ne 0 ] || status=23
  fi
  # A time of the share's own folder is not a client's to set (rsync -a ./ HOST: does). Where the folders
  # in it are gone, that has set it.
  if [ -d "${own%/*}" ]; then touch -ch "$share"; fi
fi
# The sender's rsync ends with this shell: what it takes for done shall outlive a power cut.
if [ -n "$cap" ] && [ "$direction" = push ] && ! sync -f "$share" 2>&-; then
  if [ "$status" -eq 0 ]; then
    problem
    status=11
  fi
fi
# Only the header: rsync has not even started, so something is wrong with the sandbox.
if [ -z "$told" ] && [ "$status" -ne 0 ] && [ "$(wc -l <"$log")" -le 1 ]; then problem; fi
if [ -n "$cap" ] && [ "$status" -ne 0 ]; then (run full "$share" "$cap" "$log"); fi
if [ -e "$log.pipe" ]; then rm -f "$log.pipe"; fi
exec 2>&-

printf 'pysync-end %s\n' "$status" >>"$log"
# The size is in the name: see rotation.ts.
ended=$ended-$(($(wc -c <"$log"))).log
mv "$log" "$ended"
# Only where the owner wants to be told: it starts Node once more. Nobody waits for it.
if [ -n "$tells" ]; then
  : >"$ended.new"
  (run ../history/received) </dev/null >/dev/null &
fi
# A volume that ran full may need a check before it can be written again.
if [ -n "$cap" ] && [ "$status" -ne 0 ]; then
  (run ../cli mount "$share") </dev/null >/dev/null &
fi
exit "$status"
