# shellcheck shell=sh
# Enters the destination of a push and starts rsync there. Arguments: the share's path, the
# destination in it, where that is unless it is behind a link, what is asked for, the letters of
# copied attributes, the session's own folder where something is noted there, and rsync's command
# without the `-- .` that ends it. What was looked at is entered, so that rsync gets `.` and not a
# name that could mean something else by then. Where the destination is not a folder, rsync makes one,
# or a file of that name.
#
# SECURITY: a destination that was not entered as itself may mean another folder for rsync, and one
# more when it has ended. That is noted as `whole`, so that all of the share is looked at then, and
# has its attributes copied (test/attacks/swapped-destination.test.ts).
#
# What is asked for: `p`: permissions are the client's. Those of a folder that is there stay as they
# are, and of a file that is there all but the x bits, since rsync cannot tell the two apart; what is
# new gets the client's. `u`: whatever the umask takes away; not where rsync makes folders whose modes
# the client has not sent. `d`: it deletes, so no part of the path may be a link.
root=$1 place=$2 entered=$3 asks=$4 attributes=$5 own=$6
shift 6
rsync=$1 from=$root/
refuse() {
  echo "pysync: $1" >&2
  exit 99
}
cd -P -- "$root" || refuse 'the share cannot be entered'
if cd -P -- "./$place" 2>&-; then
  case $PWD/ in */.pysync/*) refuse "'$place' leads to a folder of pysync's own" ;; esac
  case $asks in
    *d*) [ "$PWD" = "$entered" ] || refuse "'$place' is a link; name the folder it leads to" ;;
  esac
  if [ "$PWD" = "$entered" ]; then from=./; fi
  case $asks in *p*) set -- "$@" --no-perms --executability ;; esac
  case $asks in *u*) umask 0 ;; esac
  place=.
fi
if [ -n "$own" ] && [ "$from" != ./ ]; then : >"$own/whole" || exit 1; fi
if [ -n "$attributes" ]; then
  "$rsync" "-rp$attributes" --exclude=.pysync --include='*/' --exclude='*' \
    "$from" "$own/folders/copy/" </dev/null >/dev/null 2>&1 ||
    refuse 'folders here have access lists that would be lost; leave out -A and -X'
  : >"$own/folders/copy.done" || exit 1
fi
exec "$@" -- . "$place"
