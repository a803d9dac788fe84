/**
 * ACLs and extended attributes of folders that are there are not a client's to set: a default ACL
 * would decide over all that others send afterwards. rsync cannot leave folders out, so what they
 * have is copied before the transfer, as a tree of empty folders, and given back after it.
 */
import { ownFolder } from './paths.js';

/** rsync's options, as shell text, to copy folders with their modes and these attributes. */
export function copyFolders(attributes: string): string {
  return `-rp${attributes} --exclude=${ownFolder} --include='*/' --exclude='*'`;
}

/**
 * A script that gives the folders at a place their own back. Arguments: the place, where the copy
 * is, and rsync. There is no whole copy where the place was made by the transfer itself.
 */
export function giveBack(attributes: string): string {
  return `[ -e "$2.whole" ] || exit 0
cd -P -- "$1" || exit 1
exec "$3" ${copyFolders(attributes)} --existing -- "$2/" ./
`;
}
