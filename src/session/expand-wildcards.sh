# shellcheck shell=sh
# Expands the wildcards of a fetch inside the sandbox, where only the share is, and starts rsync.
# Arguments: how many words rsync's command has, the command, and the places: `=` in front of a path,
# `?` in front of a pattern. With an empty IFS an unquoted word is expanded to path names and nothing
# else happens to it.
#
# `.*` also matches `..` in some shells, which no one means. A pattern that matches nothing stays as
# it is: with no argument left rsync would send the whole share.
IFS=
count=$1
shift
for word do
  shift
  if [ "$count" -gt 0 ]; then
    count=$((count - 1))
    set -- "$@" "$word"
    continue
  fi
  case $word in
    '='*) set -- "$@" "${word#=}"; continue ;;
  esac
  found=
  # shellcheck disable=SC2231
  for name in ${word#?}; do
    case $name in
      . | .. | */.. | ../* | */../* | .pysync | .pysync/*) ;;
      *) set -- "$@" "$name"; found=yes ;;
    esac
  done
  [ -n "$found" ] || set -- "$@" "${word#?}"
done
exec "$@"
