# shellcheck shell=sh
# Gives the folders at a place their own ACLs and extended attributes back. Arguments: the place, which
# must not have become a link, where session/enter-destination.sh has copied them, the letters of the
# attributes, and rsync. Without a whole copy rsync has not started.
[ -e "$2.done" ] || exit 0
# shellcheck disable=SC2015
cd -P -- "$1" && [ "$PWD" = "$1" ] || exit 1
exec "$4" "-rp$3" --exclude=.pysync --include='*/' --exclude='*' --existing -- "$2/" ./
