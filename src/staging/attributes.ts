/**
 * ACLs and extended attributes of folders that are there are not a client's to set: a default ACL
 * would decide over all that others send afterwards. rsync cannot leave folders out, so what they
 * have is copied before the transfer, as a tree of empty folders, and given back after it.
 */
import { ownFolder } from '../gate/paths.js';

/** rsync's options, as shell text, to copy folders with their modes and these attributes. */
export function copyFolders(attributes: string): string {
  return `-rp${attributes} --exclude=${ownFolder} --include='*/' --exclude='*'`;
}

/**
 * A script that gives the folders at a place their own back. Arguments: the place, which must not
 * have become a link, where the copy is, and rsync. Without a whole copy rsync has not started.
 */
export function giveBack(attributes: string): string {
  return `[ -e "$2.done" ] || exit 0
cd -P -- "$1" && [ "$PWD" = "$1" ] || exit 1
exec "$3" ${copyFolders(attributes)} --existing -- "$2/" ./
`;
}
