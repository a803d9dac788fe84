/**
 * Whether the ssh2 that is installed is the one that the server is safe with. Only a package of pysync
 * brings it; a registry's ssh2 in its place lets every peer fill the memory.
 */
import ssh2 from 'ssh2';

/** What each patch of patches/ adds to ssh2's list, in their order. patches/README.md says what they do. */
export const neededPatches = [
  'receive-window',
  'sig-algs-comma',
  'ext-info-first',
  'right-guess',
  'mlkem768x25519',
  'no-addon',
  'announced-counts',
  'host-keys-of-clients',
  'close-without-command',
  'waiting-output',
  'long-packets',
];

/** Those that the installed ssh2 does not have; the server starts only where there are none. */
export function missingPatches(library: object = ssh2): string[] {
  const present = 'pysyncPatches' in library ? library.pysyncPatches : [];
  if (!Array.isArray(present)) return neededPatches;
  return neededPatches.filter((name) => !present.includes(name));
}
