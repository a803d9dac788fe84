import type { Level } from '../gate/decide.js';

/** What a person is told each level means. */
export const levelMeanings: Readonly<Record<Level, string>> = {
  bubblewrap: 'rsync runs in a bubblewrap sandbox that holds the share and nothing else',
  landlock: "rsync is held in the share by the kernel's Landlock; it shares this machine's network",
  none: 'NO SANDBOX: only argument checks and rsync itself keep a peer inside the share',
};
